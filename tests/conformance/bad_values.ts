/**
 * What must be refused, option by option: the value, and how messages write
 * it. Data only.
 *
 * @module
 */

/** A value that is refused, and how messages write it. */
export type BadValue = [value: unknown, written: string];

/** What is wrong for one option. */
export interface BadOption {
  /** As messages name it: `port`, `keepAlive.idle`. */
  option: string;
  /** What messages expect. */
  expected: string;
  /** Of another type: a `TypeError`. */
  types: BadValue[];
  /** Out of range: a `RangeError`. */
  ranges: BadValue[];
}

class Box {
  readonly value = 1;
}

const symbol = Symbol("odd");

const ARRAY: BadValue = [[1], "an array"];
const OBJECTS: BadValue[] = [[{}, "an object"], [{ valueOf: () => 1 }, "an object"], [
  new Box(),
  "an object",
]];
const STRANGE: BadValue[] = [[() => 1, "a function"], [symbol, "Symbol(odd)"], [1n, "1n"]];
const NULL: BadValue = [null, "null"];
const BOOLEANS: BadValue[] = [[true, "true"], [false, "false"]];
const STRINGS: BadValue[] = [["", '""'], ["1", '"1"'], ["true", '"true"']];
const NUMBERS: BadValue[] = [[0, "0"], [1, "1"], [NaN, "NaN"], [Infinity, "Infinity"]];

const NO_NUMBER = [...BOOLEANS, ...STRINGS, ...OBJECTS, ARRAY, ...STRANGE];
const NO_BOOLEAN = [...NUMBERS, ...STRINGS, ...OBJECTS, ARRAY, ...STRANGE, NULL];
const NO_STRING = [...NUMBERS, ...BOOLEANS, ...OBJECTS, ARRAY, ...STRANGE, NULL];

const NO_COUNT: BadValue[] = [
  [NaN, "NaN"],
  [Infinity, "Infinity"],
  [-Infinity, "-Infinity"],
  [-1, "-1"],
  [1.5, "1.5"],
];
const NO_TIME: BadValue[] = NO_COUNT.slice(0, 4);
const ZERO: BadValue[] = [[0, "0"], [-0, "-0"]];
const BEYOND_INT: BadValue = [2_147_483_648, "2147483648"];

const X60 = "x".repeat(60);

/** Of `KeepAlive`; `null` is fine for the four numbers. */
export const BAD_KEEPALIVE: readonly BadOption[] = [
  { option: "keepAlive.enabled", expected: "true or false", types: NO_BOOLEAN, ranges: [] },
  ...["idle", "interval"].map((name): BadOption => ({
    option: `keepAlive.${name}`,
    expected: "milliseconds above 0 and up to 32767000, or null",
    types: NO_NUMBER,
    ranges: [...NO_TIME, ...ZERO, [32_767_000.5, "32767000.5"], [32_767_001, "32767001"]],
  })),
  {
    option: "keepAlive.count",
    expected: "an integer from 1 to 127, or null",
    types: NO_NUMBER,
    ranges: [...NO_COUNT, ...ZERO, [128, "128"]],
  },
  {
    option: "keepAlive.userTimeout",
    expected: "milliseconds from 0 to 2147483647, or null",
    types: NO_NUMBER,
    ranges: [...NO_TIME, [2_147_483_647.5, "2147483647.5"], BEYOND_INT],
  },
  {
    option: "keepAlive.unsupported",
    expected: '"throw" or "report"',
    types: [...NO_STRING, ["", '""'], ["ignore", '"ignore"'], ["Throw", '"Throw"']],
    ranges: [],
  },
];

/** `keepAlive` as a whole. */
export const BAD_KEEPALIVES: BadOption = {
  option: "keepAlive",
  expected: "true, false or a plain object",
  types: [...NUMBERS, ...STRINGS, ARRAY, ...STRANGE, NULL],
  ranges: [],
};

/** What `connect` and `listen` have in common. */
const BAD_COMMON: readonly BadOption[] = [
  {
    option: "hostname",
    expected: "a name or an IP address, without NUL",
    types: NO_STRING,
    ranges: [["", '""'], ["127.0.0.1\0", '"127.0.0.1\\u0000"']],
  },
  {
    option: "path",
    expected: "a path of 1 to 107 bytes, without NUL",
    types: NO_STRING,
    ranges: [
      ["", '""'],
      ["\0abstract", '"\\u0000abstract"'],
      ["/tmp/a\0b", '"/tmp/a\\u0000b"'],
      ["x".repeat(108), `"${X60}"… (108 characters)`],
      ["ü".repeat(54), `"${"ü".repeat(54)}"`],
    ],
  },
  BAD_KEEPALIVES,
  ...["noDelay", "allowHalfOpen"].map((option): BadOption => ({
    option,
    expected: "true or false",
    types: NO_BOOLEAN,
    ranges: [],
  })),
  {
    option: "readAhead",
    expected: "an integer from 1 to 2147483647",
    types: [...NO_NUMBER, NULL],
    ranges: [...NO_COUNT, ...ZERO, BEYOND_INT],
  },
  {
    option: "closeTimeout",
    expected: "milliseconds from 0 to 2147483647",
    types: [...NO_NUMBER, NULL],
    ranges: [...NO_TIME, BEYOND_INT],
  },
  {
    option: "signal",
    expected: "an AbortSignal",
    types: [...NO_STRING, ["", '""'], [new AbortController(), "an object"]],
    ranges: [],
  },
  ...BAD_KEEPALIVE,
];

/** Of `connect`. */
export const BAD_CONNECT: readonly BadOption[] = [
  {
    option: "port",
    expected: "an integer from 1 to 65535",
    types: [...NO_NUMBER, NULL],
    ranges: [...NO_COUNT, ...ZERO, [65_536, "65536"]],
  },
  {
    option: "timeout",
    expected: "milliseconds above 0 and up to 2147483647",
    types: [...NO_NUMBER, NULL],
    ranges: [...NO_TIME, ...ZERO, BEYOND_INT],
  },
  ...BAD_COMMON,
];

/** Of `listen`. */
export const BAD_LISTEN: readonly BadOption[] = [
  {
    option: "port",
    expected: "an integer from 0 to 65535",
    types: [...NO_NUMBER, NULL],
    ranges: [...NO_COUNT, [65_536, "65536"]],
  },
  {
    option: "backlog",
    expected: "an integer from 1 to 65535",
    types: [...NO_NUMBER, NULL],
    ranges: [...NO_COUNT, ...ZERO, [65_536, "65536"]],
  },
  { option: "reusePort", expected: "true or false", types: NO_BOOLEAN, ranges: [] },
  ...BAD_COMMON,
];

/** What is no options at all. */
export const NO_OPTIONS: readonly BadValue[] = [
  [undefined, "undefined"],
  NULL,
  ...NUMBERS,
  ...BOOLEANS,
  ...STRINGS,
  ARRAY,
  ...STRANGE,
  [new Box(), "an object"],
  [new URL("tcp://127.0.0.1:80"), "an object"],
  [Object.create({ port: 80 }), "an object"],
];

const CONNECT_NAMES =
  "hostname, port, path, keepAlive, noDelay, allowHalfOpen, readAhead, closeTimeout, timeout, signal, tls";
const LISTEN_NAMES =
  "hostname, port, path, backlog, reusePort, keepAlive, noDelay, allowHalfOpen, readAhead, closeTimeout, signal, tls";
const TLS_NAMES = "caCerts, cert, key, serverName, alpnProtocols";
/** Of the right shape: an empty ASN.1 sequence. */
const PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
const KEEPALIVE_NAMES = "enabled, idle, interval, count, userTimeout, unsupported";

const unknown = (name: string, names: string) =>
  `Cannot use ${name}: unknown option, expected one of ${names}`;

/** An object that is refused as a whole, by a `TypeError` with this text. */
export type BadObject = [options: object, message: string];

/** Of `KeepAlive`. */
export const BAD_KEEPALIVE_OBJECTS: readonly BadObject[] = [
  [{ idel: 1 }, unknown("keepAlive.idel", KEEPALIVE_NAMES)],
  [{ idle: 5_000, initialDelay: 1_000 }, unknown("keepAlive.initialDelay", KEEPALIVE_NAMES)],
  [{ [symbol]: 1 }, unknown("keepAlive.Symbol(odd)", KEEPALIVE_NAMES)],
  [{ TCP_KEEPIDLE: 5 }, unknown("keepAlive.TCP_KEEPIDLE", KEEPALIVE_NAMES)],
  [new Box(), "Cannot use keepAlive = an object: expected a plain object"],
  [new Date(), "Cannot use keepAlive = an object: expected a plain object"],
];

/** Of `connect`; `{port}` and `{path}` are fine. */
export const BAD_CONNECT_OBJECTS: readonly BadObject[] = [
  [{}, "Cannot use port = undefined: expected a port or a path"],
  [{ hostname: "127.0.0.1" }, "Cannot use port = undefined: expected a port or a path"],
  [{ path: "/tmp/s", port: 80 }, "Cannot use path together with port: expected one of them"],
  [{ path: "/tmp/s", hostname: "::1" }, "Cannot use path together with hostname: expected one of them"],
  [{ path: "/tmp/s", hostname: "::1", port: 80 }, "Cannot use path together with port: expected one of them"],
  [{ path: "/tmp/s", tls: true }, "Cannot use tls together with path: expected a TCP port"],
  [{ port: 80, tls: null }, 'Cannot use tls = null: expected true, false, "starttls" or a plain object'],
  [{ port: 80, tls: { cert: PEM } }, "Cannot use cert without key: expected both or none"],
  [{ port: 80, tls: { rejectUnauthorized: false } }, unknown("tls.rejectUnauthorized", TLS_NAMES)],
  [{ port: 80, host: "::1" }, unknown("host", CONNECT_NAMES)],
  [{ port: 80, keepalive: true }, unknown("keepalive", CONNECT_NAMES)],
  [{ port: 80, backlog: 5 }, unknown("backlog", CONNECT_NAMES)],
  [{ port: 80, [symbol]: 1 }, unknown("Symbol(odd)", CONNECT_NAMES)],
  [{ port: 80, __proto__: null, constructor: 1 }, unknown("constructor", CONNECT_NAMES)],
];

/** Of `listen`. */
export const BAD_LISTEN_OBJECTS: readonly BadObject[] = [
  [{}, "Cannot use port = undefined: expected a port or a path"],
  [{ hostname: "127.0.0.1" }, "Cannot use port = undefined: expected a port or a path"],
  [{ path: "/tmp/s", port: 0 }, "Cannot use path together with port: expected one of them"],
  [{ path: "/tmp/s", hostname: "::1" }, "Cannot use path together with hostname: expected one of them"],
  [{ path: "/tmp/s", reusePort: true }, "Cannot use reusePort together with path: expected a TCP port"],
  [{ port: 0, tls: {} }, "Cannot use tls.cert = undefined: expected certificates as PEM"],
  [
    { port: 0, tls: { cert: PEM } },
    "Cannot use tls.key = undefined: expected one private key as PEM, not encrypted",
  ],
  [{ port: 0, timeout: 5 }, unknown("timeout", LISTEN_NAMES)],
  [{ port: 0, host: "::1" }, unknown("host", LISTEN_NAMES)],
  [{ port: 0, [symbol]: 1 }, unknown("Symbol(odd)", LISTEN_NAMES)],
];
