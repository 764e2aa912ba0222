/**
 * The one shape check every error of a failing case passes through.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../core/types.ts";

/** The closed union of codes, written out: the library's own list is what is under test. */
export const CODES: readonly string[] = [
  "ETIMEDOUT",
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ENOTCONN",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRINUSE",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
  "ENOENT",
  "EINVAL",
  "EBUSY",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "ENOTSUP",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPROTO",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_UNTRUSTED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "EIO",
];

/** What can have been under way. */
export const OPS: readonly string[] = [
  "connect",
  "listen",
  "accept",
  "read",
  "write",
  "closeWrite",
  "close",
  "abort",
  "startTls",
  "setKeepAlive",
  "getKeepAlive",
  "tcpInfo",
  "watchHealth",
  "setNoDelay",
];

const KERNEL_NAMES: readonly string[] = [
  "SO_KEEPALIVE",
  "TCP_KEEPIDLE",
  "TCP_KEEPINTVL",
  "TCP_KEEPCNT",
  "TCP_USER_TIMEOUT",
  "TCP_INFO",
];

/** What this one error must be. */
export interface ExpectedSocketError {
  code: string;
  /** One op, or those that are right. */
  op: string | readonly string[];
  /** The exact address; `null`: there must be none; absent: if there is one, it must be an `Address`. */
  localAddress?: Address | null;
  remoteAddress?: Address | null;
  /** `"error"`: the runtime's own error. `"none"`: our own finding, nothing of the runtime's. Absent: either. */
  cause?: "error" | "none" | { value: unknown };
  /** Kernel names of an `UnsupportedOptionError`; its `hint` must match too if given. */
  options?: readonly string[];
  hint?: RegExp;
}

/** What the check needs to know of an error that has passed it. */
export interface CheckedSocketError extends Error {
  code: string;
  op: string;
  localAddress?: Address;
  remoteAddress?: Address;
}

/** Asserts that `error` is a `SocketError` of the right shape and says what is expected. */
export function checkSocketError(
  error: unknown,
  expected: ExpectedSocketError,
): CheckedSocketError {
  assert(error instanceof TypeError, `not a TypeError: ${describe(error)}`);
  const found = error as CheckedSocketError;
  const unsupported = "options" in found;
  checkClass(found, unsupported);
  checkMessage(found);
  assert(
    CODES.includes(found.code),
    `code ${found.code} is not in the union: ${describe(found)}`,
  );
  assert(
    OPS.includes(found.op),
    `op ${found.op} is not known: ${describe(found)}`,
  );
  assertEquals(found.code, expected.code, `code of ${describe(found)}`);
  const ops = typeof expected.op === "string" ? [expected.op] : expected.op;
  assert(
    ops.includes(found.op),
    `op is ${found.op}, not ${ops.join(" or ")}: ${describe(found)}`,
  );
  checkEnd("localAddress", found, expected);
  checkEnd("remoteAddress", found, expected);
  checkCause(found, expected.cause);
  if (unsupported || expected.options) checkUnsupported(found, expected);
  return found;
}

/** `operation` must reject or throw with such an error, within the case's own time. */
export async function assertSocketError(
  operation: Promise<unknown> | (() => unknown),
  expected: ExpectedSocketError,
): Promise<CheckedSocketError> {
  let value: unknown;
  try {
    value = await (typeof operation === "function" ? operation() : operation);
  } catch (error) {
    return checkSocketError(error, expected);
  }
  throw new Error(`It gave ${String(value)} where ${expected.code} was due`);
}

function checkClass(error: CheckedSocketError, unsupported: boolean): void {
  const names: string[] = [];
  for (
    let proto = Object.getPrototypeOf(error);
    proto !== null;
    proto = Object.getPrototypeOf(proto)
  ) names.push(proto.constructor.name);
  const own = unsupported ? ["UnsupportedOptionError", "SocketError"] : ["SocketError"];
  assertEquals(
    names,
    [...own, "TypeError", "Error", "Object"],
    `classes of ${describe(error)}`,
  );
  assertEquals(error.name, own[0], `name of ${describe(error)}`);
}

function checkMessage(error: CheckedSocketError): void {
  const { message } = error;
  assert(
    typeof message === "string" && message.trim() !== "",
    "the message is empty",
  );
  assertEquals(message, message.trim(), "the message has space around it");
  assert(!message.endsWith("."), `the message ends with a period: ${message}`);
  assert(
    !/undefined|\[object|NaN/.test(message),
    `the message shows a hole: ${message}`,
  );
}

function checkEnd(
  which: "localAddress" | "remoteAddress",
  error: CheckedSocketError,
  expected: ExpectedSocketError,
): void {
  const found = error[which];
  if (found !== undefined) checkAddress(found, which);
  const wanted = expected[which];
  if (wanted === null) {
    assertEquals(found, undefined, `${which} of ${describe(error)}`);
  } else if (wanted !== undefined) {
    assertEquals(found, wanted, `${which} of ${describe(error)}`);
  }
}

/** Asserts that `address` is plain data of one of the two forms, with nothing else in it. */
export function checkAddress(address: unknown, what = "address"): Address {
  assert(
    address !== null && typeof address === "object",
    `${what} is ${describe(address)}`,
  );
  assertEquals(
    Object.getPrototypeOf(address),
    Object.prototype,
    `${what} is not a plain object`,
  );
  const found = address as Record<string, unknown>;
  const keys = Object.keys(found).sort();
  if (found.transport === "unix") {
    assertEquals(keys, ["path", "transport"], `keys of ${what}`);
    assertEquals(typeof found.path, "string", `path of ${what}`);
  } else {
    assertEquals(found.transport, "tcp", `transport of ${what}`);
    assertEquals(keys, ["hostname", "port", "transport"], `keys of ${what}`);
    assert(
      typeof found.hostname === "string" && found.hostname !== "",
      `hostname of ${what}`,
    );
    const { port } = found;
    assert(
      Number.isInteger(port) && (port as number) >= 0 &&
        (port as number) <= 65_535,
      `port of ${what} is ${describe(port)}`,
    );
  }
  return address as Address;
}

function checkCause(
  error: CheckedSocketError,
  expected: ExpectedSocketError["cause"],
): void {
  assert("cause" in error, `cause is missing: ${describe(error)}`);
  const { cause } = error as { cause?: unknown };
  assert(cause !== error, "the error is its own cause");
  if (expected === "error") {
    assert(
      cause instanceof Error,
      `cause is ${describe(cause)}, not the runtime's error`,
    );
  } else if (expected === "none") {
    assertEquals(cause, undefined, `cause of ${describe(error)}`);
  } else if (expected) {
    assert(Object.is(cause, expected.value), `cause is ${describe(cause)}`);
  }
}

function checkUnsupported(
  error: CheckedSocketError,
  expected: ExpectedSocketError,
): void {
  assertEquals(error.code, "ENOTSUP", "code of an UnsupportedOptionError");
  const { options, hint } = error as unknown as {
    options: string[];
    hint: string;
  };
  assert(Array.isArray(options) && options.length > 0, "options is empty");
  for (const name of options) {
    assert(KERNEL_NAMES.includes(name), `${name} is no kernel name`);
  }
  assert(typeof hint === "string" && hint.trim() !== "", "the hint is empty");
  if (expected.options) {
    assertEquals([...options].sort(), [...expected.options].sort(), "options");
  }
  if (expected.hint) {
    assert(expected.hint.test(hint), `the hint does not help: ${hint}`);
  }
}

function describe(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
}
