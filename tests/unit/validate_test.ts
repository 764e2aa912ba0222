/** Keepalive options: what is taken, how it is rounded, and each refusal's class and text. */
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { validateKeepAlive } from "../../core/keepalive/validate.ts";
import type { Wish } from "../../core/keepalive/model.ts";

const asked = (value: number): Wish => ({ kind: "set", value, explicit: true });
const byDefault = (value: number): Wish => ({ kind: "set", value, explicit: false });
const kept: Wish = { kind: "keep", explicit: true };
const untouched: Wish = { kind: "keep", explicit: false };

const row = (idle: Wish, interval: Wish, count: Wish, userTimeout: Wish) => ({
  TCP_KEEPIDLE: idle,
  TCP_KEEPINTVL: interval,
  TCP_KEEPCNT: count,
  TCP_USER_TIMEOUT: userTimeout,
});
const DEFAULT_ROW = row(byDefault(15), byDefault(15), byDefault(9), untouched);

test("keepAlive: true, {} and undefined fields are the defaults", () => {
  const expected = { enabled: true, options: DEFAULT_ROW, report: false };
  assertEquals(validateKeepAlive(true), expected);
  assertEquals(validateKeepAlive({}), expected);
  assertEquals(validateKeepAlive(Object.create(null)), expected);
  assertEquals(
    validateKeepAlive({ enabled: undefined, idle: undefined, count: undefined, unsupported: undefined }),
    expected,
  );
});

test("keepAlive: false touches nothing else; enabled: false writes what is given", () => {
  const nothing = row(untouched, untouched, untouched, untouched);
  assertEquals(validateKeepAlive(false), { enabled: false, options: nothing, report: false });
  assertEquals(validateKeepAlive({ enabled: false }), { enabled: false, options: nothing, report: false });
  assertEquals(validateKeepAlive({ enabled: false, idle: 5000, interval: null, userTimeout: 0 }).options, {
    ...nothing,
    TCP_KEEPIDLE: asked(5),
    TCP_KEEPINTVL: kept,
    TCP_USER_TIMEOUT: asked(0),
  });
});

test("keepAlive: null keeps, a number is a promise, report is noted", () => {
  assertEquals(
    validateKeepAlive({ idle: null, interval: null, count: null, userTimeout: null, unsupported: "report" }),
    { enabled: true, options: row(kept, kept, kept, kept), report: true },
  );
  assertEquals(
    validateKeepAlive({ idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000, unsupported: "throw" }),
    { enabled: true, options: row(asked(10), asked(5), asked(3), asked(20_000)), report: false },
  );
});

test("keepAlive: durations are rounded up to the kernel's unit, never to 0", () => {
  const seconds: [number, number][] = [
    [Number.MIN_VALUE, 1],
    [0.5, 1],
    [1, 1],
    [999, 1],
    [1000, 1],
    [1000.0001, 2],
    [1001, 2],
    [1999, 2],
    [32_766_001, 32_767],
    [32_767_000, 32_767],
  ];
  for (const [milliseconds, value] of seconds) {
    const { options } = validateKeepAlive({ idle: milliseconds, interval: milliseconds });
    assertEquals(
      [options.TCP_KEEPIDLE, options.TCP_KEEPINTVL],
      [asked(value), asked(value)],
      `${milliseconds}`,
    );
  }
  const timeouts: [number, number][] = [
    [0, 0],
    [-0, 0],
    [0.001, 1],
    [1, 1],
    [1.5, 2],
    [2_147_483_646.5, 2_147_483_647],
    [2_147_483_647, 2_147_483_647],
  ];
  for (const [milliseconds, value] of timeouts) {
    assertEquals(validateKeepAlive({ userTimeout: milliseconds }).options.TCP_USER_TIMEOUT, asked(value));
  }
  for (const count of [1, 127]) assertEquals(validateKeepAlive({ count }).options.TCP_KEEPCNT, asked(count));
});

const SECONDS = "milliseconds above 0 and up to 32767000, or null";
const COUNT = "an integer from 1 to 127, or null";
const USER_TIMEOUT = "milliseconds from 0 to 2147483647, or null";

/** Option, value, class, and the message's end. */
const REFUSALS: [string, unknown, typeof TypeError | typeof RangeError, string][] = [];
for (
  const [option, expected] of [["idle", SECONDS], ["interval", SECONDS], ["count", COUNT], [
    "userTimeout",
    USER_TIMEOUT,
  ]]
) {
  REFUSALS.push(
    [option, NaN, RangeError, `NaN: expected ${expected}`],
    [option, Infinity, RangeError, `Infinity: expected ${expected}`],
    [option, -Infinity, RangeError, `-Infinity: expected ${expected}`],
    [option, -1, RangeError, `-1: expected ${expected}`],
    [option, "5", TypeError, `"5": expected ${expected}`],
    [option, 10n, TypeError, `10n: expected ${expected}`],
    [option, true, TypeError, `true: expected ${expected}`],
    [option, {}, TypeError, `an object: expected ${expected}`],
    [option, [1], TypeError, `an array: expected ${expected}`],
    [option, () => 1, TypeError, `a function: expected ${expected}`],
    [option, Symbol("x"), TypeError, `Symbol(x): expected ${expected}`],
    [option, { valueOf: () => 5 }, TypeError, `an object: expected ${expected}`],
  );
}
REFUSALS.push(
  ["idle", 0, RangeError, `0: expected ${SECONDS}`],
  ["idle", -0, RangeError, `-0: expected ${SECONDS}`],
  ["idle", 32_767_000.5, RangeError, `32767000.5: expected ${SECONDS}`],
  ["interval", 0, RangeError, `0: expected ${SECONDS}`],
  ["interval", 32_767_001, RangeError, `32767001: expected ${SECONDS}`],
  ["count", 0, RangeError, `0: expected ${COUNT}`],
  ["count", 1.5, RangeError, `1.5: expected ${COUNT}`],
  ["count", 128, RangeError, `128: expected ${COUNT}`],
  ["userTimeout", 2_147_483_648, RangeError, `2147483648: expected ${USER_TIMEOUT}`],
  ["userTimeout", -0.5, RangeError, `-0.5: expected ${USER_TIMEOUT}`],
  ["enabled", 1, TypeError, "1: expected true or false"],
  ["enabled", null, TypeError, "null: expected true or false"],
  ["enabled", "true", TypeError, '"true": expected true or false'],
  ["unsupported", "ignore", TypeError, '"ignore": expected "throw" or "report"'],
  ["unsupported", null, TypeError, 'null: expected "throw" or "report"'],
  [
    "unsupported",
    "x".repeat(70),
    TypeError,
    `"${"x".repeat(60)}"… (70 characters): expected "throw" or "report"`,
  ],
);

for (const [option, value, Class, end] of REFUSALS) {
  test(`keepAlive.${option} = ${end}`, () => {
    const error = assertThrows(() => validateKeepAlive({ [option]: value }), Class);
    assertEquals([error.constructor, error.message], [Class, `Cannot use keepAlive.${option} = ${end}`]);
  });
}

const KNOWN = "enabled, idle, interval, count, userTimeout, unsupported";

class Options {
  idle = 5000;
}

const SHAPES: [unknown, string][] = [
  [undefined, "Cannot use keepAlive = undefined: expected true, false or a plain object"],
  [null, "Cannot use keepAlive = null: expected true, false or a plain object"],
  [5000, "Cannot use keepAlive = 5000: expected true, false or a plain object"],
  ["on", 'Cannot use keepAlive = "on": expected true, false or a plain object'],
  [[], "Cannot use keepAlive = an array: expected true, false or a plain object"],
  [() => true, "Cannot use keepAlive = a function: expected true, false or a plain object"],
  [new Map(), "Cannot use keepAlive = an object: expected a plain object"],
  [new Options(), "Cannot use keepAlive = an object: expected a plain object"],
  [Object.create({ idle: 5000 }), "Cannot use keepAlive = an object: expected a plain object"],
  [{ time: 5000 }, `Cannot use keepAlive.time: unknown option, expected one of ${KNOWN}`],
  [{ time: undefined }, `Cannot use keepAlive.time: unknown option, expected one of ${KNOWN}`],
  [{ idle: "x", toString: 1 }, `Cannot use keepAlive.toString: unknown option, expected one of ${KNOWN}`],
  [{ [Symbol("x")]: 1 }, `Cannot use keepAlive.Symbol(x): unknown option, expected one of ${KNOWN}`],
];

for (const [value, message] of SHAPES) {
  test(message, () => {
    const error = assertThrows(() => validateKeepAlive(value), TypeError);
    assertEquals([error.constructor, error.message], [TypeError, message]);
  });
}

test("keepAlive: the name in messages is the caller's", () => {
  assertEquals(
    assertThrows(() => validateKeepAlive({ idle: 0 }, "options"), RangeError).message,
    `Cannot use options.idle = 0: expected ${SECONDS}`,
  );
});

test("keepAlive: each option is read once, and a getter's error goes through", () => {
  let reads = 0;
  const value = {
    get idle() {
      return reads++ === 0 ? 5000 : "x";
    },
  };
  assertEquals(validateKeepAlive(value).options.TCP_KEEPIDLE, asked(5));
  assertEquals(reads, 1);
  const thrown = new Error("mine");
  const error = assertThrows(() =>
    validateKeepAlive({
      get count() {
        throw thrown;
      },
    })
  );
  assertEquals(error, thrown);
});
