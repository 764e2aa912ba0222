/**
 * The shape check's own test: it rejects every wrong shape.
 *
 * @module
 */
import { assertRejects, assertThrows } from "@std/assert";
import type { Address } from "../../core/types.ts";
import { cases, testCase } from "./cases.ts";
import { assertSocketError, checkSocketError } from "./socket_error.ts";

/** Stand-ins with the names of the library's classes: the kit imports nothing of it. */
class SocketError extends TypeError {
  constructor(message: string, fields: Record<string, unknown>) {
    const { cause, ...rest } = fields;
    super(message, { cause });
    this.name = "SocketError";
    Object.assign(this, rest);
  }
}

const REMOTE: Address = { transport: "tcp", hostname: "127.0.0.1", port: 5 };
const GOOD = {
  code: "ECONNRESET",
  op: "read",
  remoteAddress: REMOTE,
  cause: new Error("native"),
};
const EXPECTED = {
  code: "ECONNRESET",
  op: "read",
  remoteAddress: REMOTE,
  cause: "error" as const,
};
const MESSAGE = "Cannot read: the peer has reset the connection";

testCase("socket error: a good one passes", {}, async () => {
  checkSocketError(new SocketError(MESSAGE, GOOD), EXPECTED);
  await assertSocketError(
    () => Promise.reject(new SocketError(MESSAGE, GOOD)),
    EXPECTED,
  );
  await assertRejects(
    () => assertSocketError(Promise.resolve(1), EXPECTED),
    Error,
    "It gave 1",
  );
});

const unlike = (fields: Record<string, unknown>) => new SocketError(MESSAGE, { ...GOOD, ...fields });
const plain = Object.assign(new Error(MESSAGE), GOOD);
const alias = Object.assign(new TypeError(MESSAGE), GOOD, {
  name: "SocketError",
});
class Positioned {
  transport = "tcp";
  hostname = "127.0.0.1";
  port = 5;
}
cases(
  "socket error: is rejected",
  Object.entries<unknown>({
    "a plain Error": plain,
    "a TypeError by another class": alias,
    "something that is no error": { ...GOOD, message: MESSAGE },
    "a code outside the union": unlike({ code: "EWHATEVER" }),
    "another code": unlike({ code: "EPIPE" }),
    "another op": unlike({ op: "write" }),
    "an unknown op": unlike({ op: "recv" }),
    "an empty message": new SocketError("", GOOD),
    "a final period": new SocketError(`${MESSAGE}.`, GOOD),
    "a hole in the message": new SocketError("Cannot read undefined", GOOD),
    "no cause": unlike({ cause: undefined }),
    "a cause that is no error": unlike({ cause: "native" }),
    "no remote address": unlike({ remoteAddress: undefined }),
    "another remote address": unlike({ remoteAddress: { ...REMOTE, port: 6 } }),
    "an address with more in it": unlike({
      remoteAddress: { ...REMOTE, family: "IPv4" },
    }),
    "an address of a class": unlike({ remoteAddress: new Positioned() }),
    "a bad local address": unlike({
      localAddress: { transport: "tcp", hostname: "", port: 1 },
    }),
    "options without the class": unlike({
      options: ["TCP_KEEPCNT"],
      hint: "x",
    }),
  }).map(([name, error]) => ({
    name,
    run: () => void assertThrows(() => checkSocketError(error, EXPECTED)),
  })),
);
