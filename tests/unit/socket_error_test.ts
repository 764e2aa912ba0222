/** Errors: from a runtime's words to a code, and from a code to a message. */
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import type { Address } from "../../core/types.ts";
import {
  SocketError,
  type SocketErrorCode,
  type SocketOp,
  UnsupportedOptionError,
} from "../../core/errors.ts";
import {
  CODE_TEXTS,
  formatAddress,
  OP_TEXTS,
  socketError,
  toSocketError,
  unsupportedOption,
} from "../../core/socket_error.ts";
import { ERRNO } from "../../core/tables/errno.ts";
import { BY_CLASS, BY_CODE, BY_MESSAGE, codeOf, codeOfErrno, SAME_CODES } from "../../core/tables/failure.ts";

const tcp = (hostname: string, port: number): Address => ({ transport: "tcp", hostname, port });
const remoteAddress = tcp("127.0.0.1", 5432);
const localAddress = tcp("0.0.0.0", 80);

interface Told {
  runtime: string;
  code?: unknown;
  name?: string;
  message?: string;
}

/** What the runtimes said (Node 20.20 and 26.10, Deno 2.9.6, Bun 1.4.5 on Linux), and what we make of it. */
const FAILURES: [Told, SocketErrorCode][] = [
  [{ runtime: "node", code: "ECONNREFUSED", message: "connect ECONNREFUSED 127.0.0.1:1" }, "ECONNREFUSED"],
  [{ runtime: "node", code: "ENOENT", message: "connect ENOENT /nope.sock" }, "ENOENT"],
  [
    { runtime: "node", code: "ENOTFOUND", message: "getaddrinfo ENOTFOUND no-such-host.invalid" },
    "ENOTFOUND",
  ],
  [{ runtime: "node", code: "EAI_AGAIN", message: "getaddrinfo EAI_AGAIN name.example" }, "EAI_AGAIN"],
  [{ runtime: "node", code: "EADDRINUSE" }, "EADDRINUSE"],
  [{ runtime: "node", code: "ECONNRESET", message: "read ECONNRESET" }, "ECONNRESET"],
  [{ runtime: "node", code: "ECANCELED" }, "ECONNABORTED"],
  [{ runtime: "node", code: "ERR_STREAM_DESTROYED" }, "ENOTCONN"],
  [{ runtime: "node", code: "ERR_STREAM_WRITE_AFTER_END" }, "EPIPE"],
  [{ runtime: "node", code: "ERR_SOCKET_CLOSED_BEFORE_CONNECTION" }, "ECONNABORTED"],
  [{ runtime: "node", code: "ERR_ACCESS_DENIED" }, "EACCES"],
  [{ runtime: "node", code: "ERR_SOMETHING_NEW" }, "EIO"],
  [{ runtime: "bun", code: "ECONNREFUSED", message: "Failed to connect" }, "ECONNREFUSED"],
  [{ runtime: "bun", code: "ENOTFOUND", name: "DNSException" }, "ENOTFOUND"],
  [{ runtime: "bun", message: "Failed to listen at 127.0.0.1" }, "EIO"],
  [{ runtime: "deno", code: "ECONNREFUSED", name: "ConnectionRefused" }, "ECONNREFUSED"],
  [
    { runtime: "deno", code: "EINVAL", name: "TypeError", message: "Invalid argument (os error 22)" },
    "EINVAL",
  ],
  [{ runtime: "deno", code: "EINTR", name: "Interrupted", message: "operation canceled" }, "ECONNABORTED"],
  [{ runtime: "deno", name: "BadResource", message: "Bad resource ID" }, "ENOTCONN"],
  [{ runtime: "deno", name: "NotCapable", message: 'Requires net access to "127.0.0.1:1"' }, "EACCES"],
  [{ runtime: "deno", name: "Busy", message: "TCP stream is currently in use" }, "EBUSY"],
  [{ runtime: "deno", message: "Unable to get resources" }, "EBUSY"],
  [{ runtime: "deno", message: "Too many open files (os error 24)" }, "EMFILE"],
  [{ runtime: "deno", message: "No route to host (os error 113)" }, "EHOSTUNREACH"],
  [{ runtime: "deno", message: "something (os error 9999)" }, "EIO"],
  [
    { runtime: "deno", message: "failed to lookup address information: Name or service not known" },
    "ENOTFOUND",
  ],
  [
    {
      runtime: "deno",
      message: "failed to lookup address information: Temporary failure in name resolution",
    },
    "EAI_AGAIN",
  ],
  [{ runtime: "deno", code: 20, name: "AbortError", message: "The signal has been aborted" }, "ECONNABORTED"],
  [{ runtime: "workerd", message: "Network connection lost." }, "ECONNRESET"],
  [{ runtime: "workerd", name: "TypeError", message: "This WritableStream has been closed." }, "EPIPE"],
  [{ runtime: "workerd", name: "TypeError", message: "This socket has been closed." }, "ECONNABORTED"],
  [
    {
      runtime: "workerd",
      message: "Cannot perform I/O on behalf of a different request. I/O objects (such as streams)",
    },
    "ENOTSUP",
  ],
  [
    { runtime: "workerd", message: "Disallowed operation called within global scope. Asynchronous I/O" },
    "ENOTSUP",
  ],
  [
    { runtime: "workerd", message: "proxy request failed, cannot connect to the specified address" },
    "EIO",
  ],
  // Message rows are for the runtime they name.
  [{ runtime: "node", message: "Network connection lost." }, "EIO"],
  [{ runtime: "node", message: "Too many open files (os error 24)" }, "EIO"],
];

for (const [{ runtime, ...told }, code] of FAILURES) {
  test(`errors: ${runtime} ${JSON.stringify(told)} is ${code}`, () => {
    const cause = Object.assign(new Error(), told);
    const error = toSocketError(cause, { op: "connect", runtime, os: "linux", remoteAddress });
    assertEquals([error.code, error.op, error.remoteAddress], [code, "connect", remoteAddress]);
    assertStrictEquals(error.cause, cause);
    assertEquals(error.message, `Cannot connect to 127.0.0.1:5432: ${CODE_TEXTS[code]} (${code})`);
    assertInstanceOf(error, TypeError);
    assertEquals(error.localAddress, undefined);
  });
}

test("errors: Deno's error numbers are those of the system", () => {
  const cause = new Error("refused (os error 61)");
  const codeOn = (os: string) => toSocketError(cause, { op: "connect", runtime: "deno", os }).code;
  assertEquals(["darwin", "freebsd", "linux", "haiku"].map(codeOn), [
    "ECONNREFUSED",
    "ECONNREFUSED",
    "EIO",
    "EIO",
  ]);
  const unknownName = new Error(
    "failed to lookup address information: No such host is known. (os error 11001)",
  );
  assertEquals(
    toSocketError(unknownName, { op: "connect", runtime: "deno", os: "windows" }).code,
    "ENOTFOUND",
  );
});

test("errors: what is no error has no code", () => {
  for (const cause of [undefined, null, "text", 7, Symbol("x"), {}]) {
    assertEquals(toSocketError(cause, { op: "read", runtime: "node", os: "linux" }).code, "EIO");
  }
});

test("errors: a SocketError passes through", () => {
  const error = socketError("EPIPE", { op: "write", remoteAddress });
  assertStrictEquals(toSocketError(error, { op: "read", runtime: "node", os: "linux" }), error);
});

test("errors: of several, the first that left this host counts", () => {
  const several = (...codes: string[]) =>
    toSocketError(new AggregateError(codes.map((code) => Object.assign(new Error(), { code }))), {
      op: "connect",
      runtime: "node",
      os: "linux",
    }).code;
  assertEquals(several("ECONNREFUSED", "ETIMEDOUT"), "ECONNREFUSED");
  assertEquals(several("ENETUNREACH", "ECONNREFUSED"), "ECONNREFUSED");
  assertEquals(several("ENETUNREACH", "EHOSTUNREACH"), "ENETUNREACH");
  assertEquals(several(), "EIO");
});

const MESSAGES: [SocketOp, SocketErrorCode, string][] = [
  ["connect", "ETIMEDOUT", "Cannot connect to 127.0.0.1:5432: timed out (ETIMEDOUT)"],
  ["listen", "EADDRINUSE", "Cannot listen on 0.0.0.0:80: address in use (EADDRINUSE)"],
  ["accept", "EMFILE", "Cannot accept on 0.0.0.0:80: too many open files in this process (EMFILE)"],
  ["read", "ECONNRESET", "Cannot read from 127.0.0.1:5432: connection reset by the peer (ECONNRESET)"],
  ["write", "EPIPE", "Cannot write to 127.0.0.1:5432: the writing side is closed (EPIPE)"],
  [
    "closeWrite",
    "ECONNRESET",
    "Cannot end the writing to 127.0.0.1:5432: connection reset by the peer (ECONNRESET)",
  ],
  ["close", "ETIMEDOUT", "Cannot close the connection to 127.0.0.1:5432: timed out (ETIMEDOUT)"],
  [
    "abort",
    "ECONNABORTED",
    "Cannot go on with the connection to 127.0.0.1:5432: connection aborted on this side (ECONNABORTED)",
  ],
  ["startTls", "EPROTO", "Cannot start TLS with 127.0.0.1:5432: TLS protocol error (EPROTO)"],
  ["setKeepAlive", "ENOTCONN", "Cannot set keepalive of 127.0.0.1:5432: not connected (ENOTCONN)"],
  ["getKeepAlive", "ENOTCONN", "Cannot read keepalive of 127.0.0.1:5432: not connected (ENOTCONN)"],
  ["watchHealth", "ENOTSUP", "Cannot watch the health of 127.0.0.1:5432: not supported (ENOTSUP)"],
  ["tcpInfo", "ENOTCONN", "Cannot read TCP_INFO of 127.0.0.1:5432: not connected (ENOTCONN)"],
  ["setNoDelay", "EBUSY", "Cannot set TCP_NODELAY of 127.0.0.1:5432: the socket is busy (EBUSY)"],
];

test("errors: messages", () => {
  assertEquals(MESSAGES.map(([op]) => op).sort(), Object.keys(OP_TEXTS).sort());
  for (const [op, code, message] of MESSAGES) {
    assertEquals(socketError(code, { op, localAddress, remoteAddress }).message, message);
  }
  assertEquals(
    socketError("ENOTCONN", { op: "read" }, undefined, "it was destroyed").message,
    "Cannot read from the socket: it was destroyed (ENOTCONN)",
  );
  assertEquals(
    socketError("EINVAL", { op: "setKeepAlive", localAddress }).message,
    "Cannot set keepalive of 0.0.0.0:80: invalid argument (EINVAL)",
  );
});

test("errors: addresses in messages", () => {
  const written = [
    tcp("::1", 80),
    tcp("db.example", 1),
    { transport: "unix", path: "/run/x" } as const,
    {
      transport: "unix",
      path: "",
    } as const,
  ].map(formatAddress);
  assertEquals(written, ["[::1]:80", "db.example:1", "/run/x", "a socket without a name"]);
});

test("errors: texts have no final period, no two are the same", () => {
  const texts = Object.values(CODE_TEXTS);
  assert(texts.every((text) => /^[^.]+$/.test(text)));
  assertEquals(new Set(texts).size, texts.length);
  assertEquals(Object.keys(CODE_TEXTS), Object.keys(SAME_CODES));
});

test("errors: an option that cannot be held", () => {
  const error = unsupportedOption(
    { verb: "set", options: ["TCP_KEEPINTVL", "TCP_KEEPCNT"], where: "node 20.20.2", hint: "install koffi" },
    { op: "connect", remoteAddress },
  );
  assertInstanceOf(error, UnsupportedOptionError);
  assertInstanceOf(error, SocketError);
  assertEquals(error.message, "Cannot set TCP_KEEPINTVL, TCP_KEEPCNT on node 20.20.2: install koffi");
  assertEquals([error.code, error.name, error.hint, error.cause], [
    "ENOTSUP",
    "UnsupportedOptionError",
    "install koffi",
    undefined,
  ]);
});

test("errno: literal numbers", () => {
  const rows: [string, number, SocketErrorCode][] = [
    ["linux", 110, "ETIMEDOUT"],
    ["linux", 104, "ECONNRESET"],
    ["linux", 111, "ECONNREFUSED"],
    ["linux", 107, "ENOTCONN"],
    ["linux", 92, "ENOTSUP"],
    ["linux", 95, "ENOTSUP"],
    ["linux", 9, "ENOTCONN"],
    ["linux", 22, "EINVAL"],
    ["darwin", 60, "ETIMEDOUT"],
    ["darwin", 54, "ECONNRESET"],
    ["darwin", 57, "ENOTCONN"],
    ["darwin", 102, "ENOTSUP"],
    ["freebsd", 32, "EPIPE"],
    ["netbsd", 86, "ENOTSUP"],
    ["openbsd", 91, "ENOTSUP"],
    ["illumos", 146, "ECONNREFUSED"],
    ["aix", 73, "ECONNRESET"],
    ["windows", 10054, "ECONNRESET"],
    ["windows", 10048, "EADDRINUSE"],
  ];
  for (const [os, number, code] of rows) assertEquals(codeOfErrno(os, number), code, `${os} ${number}`);
  assertEquals(codeOfErrno("haiku", 104), undefined);
  assertEquals(codeOfErrno("linux", 9999), undefined);
});

test("errno: every name has a code, every row a link", () => {
  for (const [os, { source, names }] of Object.entries(ERRNO)) {
    assert(source.startsWith("https://"), os);
    for (const [number, name] of Object.entries(names)) {
      assert(Number(number) > 0 && codeOf(name) !== undefined, `${os} ${number} ${name}`);
    }
  }
  const rows = [...Object.values(BY_CODE), ...Object.values(BY_CLASS), ...BY_MESSAGE];
  for (const { source, code } of rows) {
    assert(source.startsWith("https://"), source);
    assert(code === "errno" || Object.hasOwn(SAME_CODES, code), code);
  }
  for (const name of Object.keys(BY_CODE)) assert(!Object.hasOwn(SAME_CODES, name), name);
  for (const { runtime, seen } of BY_MESSAGE) assert(runtime && /^\d+\.\d+\.\d+$/.test(seen));
});
