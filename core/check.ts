/**
 * Checks what callers pass, by a table of rules: one grammar for every
 * message, the same on each runtime.
 *
 * @module
 */

/** What one option may be. */
export interface Rule<T> {
  /** Follows "expected" in messages. */
  expected: string;
  /** A value of another type is a `TypeError`. */
  is(value: unknown): value is T;
  /** A value of the type that is out of range is a `RangeError`. */
  inRange?(value: T): boolean;
}

/** Rules by option name. */
// deno-lint-ignore no-explicit-any -- a table holds rules of several types, and Rule<unknown> takes none of them
export type Rules = Record<string, Rule<any>>;

/** What an object that passed its rules holds; `undefined` where it was left out. */
export type Checked<R extends Rules> = {
  [K in keyof R]?: R[K] extends Rule<infer T> ? T : never;
};

const isNumber = (value: unknown): value is number => typeof value === "number";
const isString = (value: unknown): value is string => typeof value === "string";

/** `true` or `false`, and nothing that merely looks so. */
export const boolean: Rule<boolean> = {
  expected: "true or false",
  is: (value): value is boolean => typeof value === "boolean",
};

/** Anything: for options that are checked elsewhere. */
export const anything: Rule<unknown> = {
  expected: "anything",
  is: (_value): _value is unknown => true,
};

/** An integer from `min` to `max`. */
export function integer(min: number, max: number): Rule<number> {
  return {
    expected: `an integer from ${min} to ${max}`,
    is: isNumber,
    inRange: (value) => Number.isInteger(value) && value >= min && value <= max,
  };
}

/** Milliseconds above 0 and up to `max`; fractions are fine. */
export function duration(max: number): Rule<number> {
  return {
    expected: `milliseconds above 0 and up to ${max}`,
    is: isNumber,
    inRange: (value) => value > 0 && value <= max,
  };
}

/** Milliseconds from 0 to `max`; fractions are fine. */
export function durationOrZero(max: number): Rule<number> {
  return {
    expected: `milliseconds from 0 to ${max}`,
    is: isNumber,
    inRange: (value) => value >= 0 && value <= max,
  };
}

/** A string that `inRange` takes. */
export function text(
  expected: string,
  inRange: (value: string) => boolean,
): Rule<string> {
  return { expected, is: isString, inRange };
}

/** An `AbortSignal`. */
export const signal: Rule<AbortSignal> = {
  expected: "an AbortSignal",
  is: isAbortSignal,
};

/** One of a few strings. */
export function oneOf<T extends string>(...values: T[]): Rule<T> {
  return {
    expected: values.map((value) => JSON.stringify(value)).join(" or "),
    is: (value): value is T => (values as unknown[]).includes(value), // includes() of T[] takes only a T
  };
}

/** The rule, or `null`. */
export function orNull<T>(rule: Rule<T>): Rule<T | null> {
  return {
    expected: `${rule.expected}, or null`,
    is: (value): value is T | null => value === null || rule.is(value),
    inRange: (value) => value === null || (rule.inRange?.(value) ?? true),
  };
}

/**
 * Checks the own enumerable properties of one plain object. Each is read once;
 * `undefined` counts as left out; a getter's error goes through.
 *
 * @param name What messages call the object.
 * @param prefix What stands before its properties' names, such as `keepAlive.`.
 * @throws {TypeError} Not a plain object, an unknown property, a value of another type.
 * @throws {RangeError} A value out of its range.
 */
export function checkObject<R extends Rules>(
  value: unknown,
  rules: R,
  name: string,
  prefix = "",
): Checked<R> {
  if (!isPlainObject(value)) {
    throw new TypeError(complaint(name, value, "a plain object"));
  }
  for (const key of [...Object.keys(value), ...enumerableSymbols(value)]) {
    if (typeof key === "symbol" || !Object.hasOwn(rules, key)) {
      const known = Object.keys(rules).join(", ");
      throw new TypeError(
        `Cannot use ${prefix}${String(key)}: unknown option, expected one of ${known}`,
      );
    }
  }
  const checked: Record<string, unknown> = {};
  for (const key of Object.keys(rules)) {
    if (!Object.prototype.propertyIsEnumerable.call(value, key)) continue;
    const given: unknown = value[key];
    if (given === undefined) continue;
    check(given, rules[key], `${prefix}${key}`);
    checked[key] = given;
  }
  return checked as Checked<R>; // each property has just passed its rule
}

/**
 * Checks one value.
 *
 * @throws {TypeError} A value of another type.
 * @throws {RangeError} A value out of its range.
 */
export function check<T>(
  value: unknown,
  rule: Rule<T>,
  name: string,
): asserts value is T {
  if (!rule.is(value)) {
    throw new TypeError(complaint(name, value, rule.expected));
  }
  if (rule.inRange && !rule.inRange(value)) {
    throw new RangeError(complaint(name, value, rule.expected));
  }
}

/** `Cannot use keepAlive.idle = -1: expected …`, without a final period. */
export function complaint(
  name: string,
  value: unknown,
  expected: string,
): string {
  return `Cannot use ${name} = ${formatValue(value)}: expected ${expected}`;
}

const LONGEST_STRING = 60;

/** A value as messages write it; runs no code of the value's. */
export function formatValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length <= LONGEST_STRING
        ? JSON.stringify(value)
        : `${JSON.stringify(value.slice(0, LONGEST_STRING))}… (${value.length} characters)`;
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "an array" : "an object";
    default:
      return String(value);
  }
}

/**
 * Whether a value is a plain object: `{}`, one without a prototype, or one of
 * another realm, whose `Object.prototype` is not ours.
 */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return false;
  }
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function enumerableSymbols(value: object): symbol[] {
  return Object.getOwnPropertySymbols(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
}

function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<
    AbortSignal
  >; // of whichever realm: its shape tells
  return typeof aborted === "boolean" &&
    typeof addEventListener === "function" &&
    typeof removeEventListener === "function";
}
