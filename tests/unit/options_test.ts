/** Options of connect and listen: defaults, and each refusal's class and text. */
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { validateConnect, validateListen } from "../../core/options.ts";
import { validateKeepAlive } from "../../core/keepalive/validate.ts";

const DEFAULTS = {
  wishes: validateKeepAlive(true),
  noDelay: true,
  allowHalfOpen: false,
  readAhead: 65_536,
  closeTimeout: 10_000,
};

test("options: defaults", () => {
  assertEquals(validateConnect({ port: 80 }), {
    endpoint: { transport: "tcp", hostname: "127.0.0.1", port: 80 },
    ...DEFAULTS,
  });
  assertEquals(validateListen({ port: 0 }), {
    endpoint: { transport: "tcp", hostname: "0.0.0.0", port: 0 },
    ...DEFAULTS,
    backlog: 511,
    reusePort: false,
  });
  assertEquals(validateConnect({ path: "/run/x" }).endpoint, { transport: "unix", path: "/run/x" });
  assertEquals(validateListen({ path: "x" }).endpoint, { transport: "unix", path: "x" });
});

test("options: undefined is left out", () => {
  const given = { hostname: undefined, port: 80, path: undefined, keepAlive: undefined, timeout: undefined };
  assertEquals(validateConnect(given), validateConnect({ port: 80 }));
});

test("options: everything given", () => {
  const { signal } = new AbortController();
  const common = {
    hostname: "::1",
    port: 65_535,
    noDelay: false,
    allowHalfOpen: true,
    readAhead: 1,
    closeTimeout: 0,
  };
  const keepAlive = { idle: 1, unsupported: "report" };
  const made = {
    noDelay: false,
    allowHalfOpen: true,
    readAhead: 1,
    closeTimeout: 0,
    wishes: validateKeepAlive(keepAlive),
  };
  const endpoint = { transport: "tcp", hostname: "::1", port: 65_535 };
  const connect = validateConnect({ ...common, keepAlive, timeout: 0.5, signal });
  assertEquals({ ...connect, signal: undefined }, { ...made, endpoint, timeout: 1, signal: undefined });
  assertStrictEquals(connect.signal, signal);
  const listen = validateListen({ ...common, keepAlive, backlog: 1, reusePort: true, signal });
  assertEquals({ ...listen, signal: undefined }, {
    ...made,
    endpoint,
    backlog: 1,
    reusePort: true,
    signal: undefined,
  });
});

const INT = "an integer from 1 to 2147483647";
const DURATION = "milliseconds above 0 and up to 2147483647";
const DURATION_0 = "milliseconds from 0 to 2147483647";
const HOST = "a name or an IP address, without NUL";
const PATH = "a path of 1 to 107 bytes, without NUL";
const BOOLEAN = "true or false";
const SIGNAL = "an AbortSignal";

/** Every option that is a number: what it expects, and values out of its range. */
const NUMBERS: [("connect" | "listen")[], string, string, number[]][] = [
  [["connect"], "port", "an integer from 1 to 65535", [0, -0, 65_536, 80.5]],
  [["listen"], "port", "an integer from 0 to 65535", [65_536, 0.5]],
  [["listen"], "backlog", "an integer from 1 to 65535", [0, 65_536, 1.5]],
  [["connect", "listen"], "readAhead", INT, [0, 2_147_483_648, 1.5]],
  [["connect", "listen"], "closeTimeout", DURATION_0, [2_147_483_648, -0.5]],
  [["connect"], "timeout", DURATION, [0, -0, 2_147_483_648]],
];

/** Who, option, value, class, the message's end. */
type Refusal = ["connect" | "listen", string, unknown, typeof TypeError | typeof RangeError, string];
const REFUSALS: Refusal[] = [];

const written = (value: number) => Object.is(value, -0) ? "-0" : String(value);
for (const [by, option, expected, outside] of NUMBERS) {
  for (const who of by) {
    for (const value of [NaN, Infinity, -Infinity, -1, ...outside]) {
      REFUSALS.push([who, option, value, RangeError, `${written(value)}: expected ${expected}`]);
    }
    REFUSALS.push(
      [who, option, "80", TypeError, `"80": expected ${expected}`],
      [who, option, null, TypeError, `null: expected ${expected}`],
      [who, option, {}, TypeError, `an object: expected ${expected}`],
      [who, option, 80n, TypeError, `80n: expected ${expected}`],
      [who, option, true, TypeError, `true: expected ${expected}`],
    );
  }
}
for (const who of ["connect", "listen"] as const) {
  for (const option of ["noDelay", "allowHalfOpen", ...(who === "listen" ? ["reusePort"] : [])]) {
    for (
      const [value, text] of [[1, "1"], [0, "0"], [NaN, "NaN"], [null, "null"], ["true", '"true"'], [
        {},
        "an object",
      ]]
    ) {
      REFUSALS.push([who, option, value, TypeError, `${text}: expected ${BOOLEAN}`]);
    }
  }
  for (const [option, expected] of [["hostname", HOST], ["path", PATH]]) {
    REFUSALS.push(
      [who, option, "", RangeError, `"": expected ${expected}`],
      [who, option, "a\0b", RangeError, `"a\\u0000b": expected ${expected}`],
      [who, option, 5, TypeError, `5: expected ${expected}`],
      [who, option, NaN, TypeError, `NaN: expected ${expected}`],
      [who, option, null, TypeError, `null: expected ${expected}`],
      [who, option, {}, TypeError, `an object: expected ${expected}`],
    );
  }
  const long = "é".repeat(54);
  REFUSALS.push(
    [who, "path", long, RangeError, `"${long}": expected ${PATH}`],
    [who, "signal", null, TypeError, `null: expected ${SIGNAL}`],
    [who, "signal", {}, TypeError, `an object: expected ${SIGNAL}`],
    [who, "signal", true, TypeError, `true: expected ${SIGNAL}`],
    [who, "signal", new AbortController(), TypeError, `an object: expected ${SIGNAL}`],
    [who, "keepAlive", 5000, TypeError, "5000: expected true, false or a plain object"],
    [who, "keepAlive", null, TypeError, "null: expected true, false or a plain object"],
    [who, "keepAlive", "x", TypeError, '"x": expected true, false or a plain object'],
  );
}

for (const [who, option, value, Class, end] of REFUSALS) {
  test(`options: ${who} ${option} = ${end}`, () => {
    const validate = who === "connect" ? validateConnect : validateListen;
    const given = option === "path" ? { path: value } : { port: 80, [option]: value };
    const error = assertThrows(() => validate(given), Class);
    assertEquals([error.constructor, error.message], [Class, `Cannot use ${option} = ${end}`]);
  });
}

const CONNECT_KEYS =
  "hostname, port, path, keepAlive, noDelay, allowHalfOpen, readAhead, closeTimeout, timeout, signal, tls";
const LISTEN_KEYS =
  "hostname, port, path, backlog, reusePort, keepAlive, noDelay, allowHalfOpen, readAhead, closeTimeout, signal, tls";

const SHAPES: ["connect" | "listen", unknown, string][] = [
  ["connect", undefined, "Cannot use options = undefined: expected a plain object"],
  ["connect", null, "Cannot use options = null: expected a plain object"],
  ["connect", 80, "Cannot use options = 80: expected a plain object"],
  ["connect", "127.0.0.1:80", 'Cannot use options = "127.0.0.1:80": expected a plain object'],
  ["connect", [80], "Cannot use options = an array: expected a plain object"],
  ["connect", new URL("tcp://127.0.0.1:80"), "Cannot use options = an object: expected a plain object"],
  ["connect", {}, "Cannot use port = undefined: expected a port or a path"],
  ["connect", { hostname: "x" }, "Cannot use port = undefined: expected a port or a path"],
  ["connect", { port: 80, path: "/x" }, "Cannot use path together with port: expected one of them"],
  ["connect", { hostname: "x", path: "/x" }, "Cannot use path together with hostname: expected one of them"],
  ["connect", { path: "/x", tls: true }, "Cannot use tls together with path: expected a TCP port"],
  [
    "connect",
    { port: 80, tls: 1 },
    'Cannot use tls = 1: expected true, false, "starttls" or a plain object',
  ],
  ["connect", { port: 80, host: "x" }, `Cannot use host: unknown option, expected one of ${CONNECT_KEYS}`],
  [
    "connect",
    { port: 80, backlog: 5 },
    `Cannot use backlog: unknown option, expected one of ${CONNECT_KEYS}`,
  ],
  ["connect", { port: 0, bogus: 1 }, `Cannot use bogus: unknown option, expected one of ${CONNECT_KEYS}`],
  ["listen", {}, "Cannot use port = undefined: expected a port or a path"],
  ["listen", { port: 80, path: "/x" }, "Cannot use path together with port: expected one of them"],
  ["listen", { port: 80, tls: {} }, "Cannot use tls.cert = undefined: expected certificates as PEM"],
  ["listen", { port: 80, timeout: 5 }, `Cannot use timeout: unknown option, expected one of ${LISTEN_KEYS}`],
  ["listen", { path: "/x", reusePort: true }, "Cannot use reusePort together with path: expected a TCP port"],
];

for (const [who, value, message] of SHAPES) {
  test(`options: ${who}: ${message}`, () => {
    const error = assertThrows(
      () => (who === "connect" ? validateConnect : validateListen)(value),
      TypeError,
    );
    assertEquals([error.constructor, error.message], [TypeError, message]);
  });
}

test("options: keepAlive is checked as everywhere", () => {
  const error = assertThrows(() => validateConnect({ port: 80, keepAlive: { idle: -1 } }), RangeError);
  assertEquals(
    error.message,
    "Cannot use keepAlive.idle = -1: expected milliseconds above 0 and up to 32767000, or null",
  );
});

test("options: a path of 107 bytes is fine, and no message ends with a period", () => {
  const path = "é".repeat(53) + "x";
  assertEquals(validateConnect({ path }).endpoint, { transport: "unix", path });
  for (const [, , message] of SHAPES) assert(!message.endsWith("."));
});
