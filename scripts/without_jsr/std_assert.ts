/**
 * The functions of `@std/assert` that the tests use, over `node:assert/strict`.
 * It stands in where JSR does not answer; names, parameters and type guards are
 * those of `@std/assert`, texts of failures are not.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";

/** A failed assertion. */
export const AssertionError: typeof nodeAssert.AssertionError = nodeAssert.AssertionError;

// deno-lint-ignore no-explicit-any -- as in @std/assert: constructors of any parameters
type AnyConstructor = abstract new (...args: any[]) => any;
// deno-lint-ignore no-explicit-any -- as above
type ErrorClass<E extends Error> = new (...args: any[]) => E;

/** Fails unless the value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) fail(msg || "expected a truthy value");
}

/** Fails unless the value is falsy. */
export function assertFalse(expr: unknown, msg?: string): void {
  if (expr) fail(msg ?? "expected a falsy value");
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  // Node 26 takes no undefined for a message.
  if (msg === undefined) nodeAssert.deepStrictEqual(actual, expected);
  else nodeAssert.deepStrictEqual(actual, expected, `${msg}: ${differ(actual, expected)}`);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, msg);
}

/** Fails unless both are the same by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (!Object.is(actual, expected)) {
    fail(`${msg ?? "not the same value"}: ${differ(actual, expected)}`);
  }
}

/** Fails if both are the same by `Object.is`. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (Object.is(actual, expected)) fail(msg ?? "the same value");
}

/** Fails for `null` and `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    fail(msg ?? `expected a value, got ${actual}`);
  }
}

/** Fails unless the value was made by the class. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    fail(
      `${msg ?? "wrong class"}: expected ${expectedType.name}, got ${String(actual)}`,
    );
  }
}

/** Fails unless the text contains the other. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (!actual.includes(expected)) {
    fail(`${msg ?? "text not found"}: ${differ(actual, expected)}`);
  }
}

/** Fails unless the text matches. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  nodeAssert.match(actual, expected, msg);
}

/** Fails unless the array contains all of the expected elements. */
export function assertArrayIncludes<T>(
  actual: readonly T[],
  expected: readonly T[],
  msg?: string,
): void {
  const missing = expected.filter((element) => !actual.some((other) => equal(other, element)));
  if (missing.length > 0) {
    fail(`${msg ?? "elements are missing"}: ${show(missing)}`);
  }
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) {
    fail(`${msg ?? "not greater"}: ${differ(actual, expected)}`);
  }
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual >= expected)) {
    fail(`${msg ?? "less"}: ${differ(actual, expected)}`);
  }
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) {
    fail(`${msg ?? "not less"}: ${differ(actual, expected)}`);
  }
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (!(actual <= expected)) {
    fail(`${msg ?? "greater"}: ${differ(actual, expected)}`);
  }
}

/** Fails unless the function throws such an error, and returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    return checkError(thrown, errorClass, msgIncludes, msg);
  }
  fail(msg ?? "expected the function to throw");
}

/** Fails unless the function's promise rejects with such an error, and resolves to it. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E> {
  let thrown: unknown;
  try {
    await fn();
  } catch (error) {
    thrown = error;
    return checkError(thrown, errorClass, msgIncludes, msg);
  }
  fail(msg ?? "expected the promise to reject");
}

/** Always fails. */
export function fail(msg?: string): never {
  throw new nodeAssert.AssertionError({ message: msg || "failed" });
}

/** Fails when it is reached. */
export function unreachable(msg?: string): never {
  fail(msg ?? "reached a place that cannot be reached");
}

function checkError<E extends Error>(
  thrown: unknown,
  errorClass: ErrorClass<E> | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): E {
  const prefix = msg === undefined ? "" : `${msg}: `;
  if (!(thrown instanceof (errorClass ?? Error))) {
    fail(
      `${prefix}expected ${(errorClass ?? Error).name}, got ${show(thrown)}`,
    );
  }
  if (msgIncludes !== undefined && !thrown.message.includes(msgIncludes)) {
    fail(`${prefix}message ${differ(thrown.message, msgIncludes)}`);
  }
  return thrown as E;
}

function equal(a: unknown, b: unknown): boolean {
  try {
    nodeAssert.deepStrictEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

function differ(actual: unknown, expected: unknown): string {
  return `got ${show(actual)}, expected ${show(expected)}`;
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(
      value,
      (_, v) => typeof v === "bigint" ? `${v}n` : v,
    ) ?? String(value);
  } catch {
    return String(value);
  }
}
