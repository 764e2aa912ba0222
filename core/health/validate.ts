/**
 * Checks what `watchHealth` is given.
 *
 * @module
 */
import { checkObject, complaint, type Rule } from "../check.ts";
import type { Connection } from "../types.ts";

/** What is watched, and how: checked. */
export interface Watching {
  connections: Iterable<unknown>;
  /** One connection, with whose end the iteration ends. */
  single: boolean;
  interval: number;
  signal?: AbortSignal;
}

const DEFAULT_INTERVAL = 20_000;

/** Below a millisecond there is no timer. */
const interval: Rule<number> = {
  expected: "milliseconds from 1 to 2147483647",
  is: (value): value is number => typeof value === "number",
  inRange: (value) => value >= 1 && value <= 2_147_483_647,
};

const signal: Rule<AbortSignal> = {
  expected: "an AbortSignal",
  is: isSignal,
};

const EXPECTED = "a Connection, or an iterable of them that can be read again and again";

/**
 * Checks all that can be checked before the first round.
 *
 * @throws {TypeError} Neither a connection nor an iterable, an iterable for one time only, an unknown option.
 * @throws {RangeError} `interval` is out of range.
 */
export function validateWatching(connections: unknown, options: unknown = {}): Watching {
  const given = checkObject(options, { interval, signal }, "options");
  const more = { interval: given.interval ?? DEFAULT_INTERVAL, signal: given.signal };
  if (isConnection(connections)) return { connections: [connections], single: true, ...more };
  if (!isIterable(connections)) throw new TypeError(complaint("connections", connections, EXPECTED));
  // An iterator that is its own iterable, as a generator's or that of map.values(), is empty at the second round.
  const iterator: unknown = connections[Symbol.iterator]();
  if (iterator === connections) {
    throw new TypeError("Cannot use connections = an iterator: expected " + EXPECTED);
  }
  return { connections, single: false, ...more };
}

/** What an iterable gave. @throws {TypeError} It is no connection. */
export function connectionIn(value: unknown): Connection {
  if (!isConnection(value)) {
    throw new TypeError(complaint("an element of connections", value, "a Connection of keepwire"));
  }
  return value;
}

/** Of whichever copy of keepwire: an ES module and a CommonJS one may be loaded together. */
function isConnection(value: unknown): value is Connection {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<Connection>).info === "function" && "closed" in value;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
}

function isSignal(value: unknown): value is AbortSignal {
  return typeof value === "object" && value !== null && "aborted" in value &&
    typeof (value as Partial<AbortSignal>).addEventListener === "function";
}
