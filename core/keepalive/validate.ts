/**
 * From what the caller passed to wishes in kernel units: validated, and
 * rounded up.
 *
 * @module
 */
import {
  boolean,
  type Checked,
  checkObject,
  complaint,
  duration,
  durationOrZero,
  integer,
  oneOf,
  orNull,
} from "../check.ts";
import type { NumericOption, Wish, Wishes } from "./model.ts";

/** Largest TCP_KEEPIDLE and TCP_KEEPINTVL of Linux (MAX_TCP_KEEPIDLE, include/net/tcp.h), in seconds. */
export const MAX_KEEPALIVE_SECONDS = 32_767;
/** Largest TCP_KEEPCNT of Linux (MAX_TCP_KEEPCNT, include/net/tcp.h). */
export const MAX_KEEPALIVE_COUNT = 127;
/** Largest TCP_USER_TIMEOUT: a C int, in milliseconds. */
export const MAX_USER_TIMEOUT = 2_147_483_647;

/** What `undefined` means, in kernel units; Go's values (net/dial.go). TCP_USER_TIMEOUT has none: it is left alone. */
export const DEFAULTS = {
  TCP_KEEPIDLE: 15,
  TCP_KEEPINTVL: 15,
  TCP_KEEPCNT: 9,
} as const;

/** The fields of `KeepAlive`. */
const RULES = {
  enabled: boolean,
  idle: orNull(duration(MAX_KEEPALIVE_SECONDS * 1000)),
  interval: orNull(duration(MAX_KEEPALIVE_SECONDS * 1000)),
  count: orNull(integer(1, MAX_KEEPALIVE_COUNT)),
  userTimeout: orNull(durationOrZero(MAX_USER_TIMEOUT)),
  unsupported: oneOf("throw", "report"),
};

const NOT_WANTED: Wish = { kind: "keep", explicit: false };

/** Seconds from milliseconds, rounded up: 1 ms is 1 s, never 0. */
export function secondsUp(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000)); // 5e-324 / 1000 is 0
}

/**
 * Validates keepalive options before anything is opened or touched.
 *
 * `true` is `{}`: all defaults. `false` switches keepalive off and touches
 * nothing else. With `enabled: false` the values given are written and
 * keepalive is left off; a field left out is then not wanted, rather than
 * wanted with its default.
 *
 * @param name What messages call the options.
 * @throws {TypeError} Neither boolean nor plain object, an unknown key, a value of another type.
 * @throws {RangeError} A number out of range, NaN, an infinity, a fraction of a count.
 *
 * @example
 * ```ts
 * import { validateKeepAlive } from "./validate.ts";
 *
 * validateKeepAlive({ idle: 1 }).options.TCP_KEEPIDLE; // { kind: "set", value: 1, explicit: true }
 * ```
 */
export function validateKeepAlive(value: unknown, name = "keepAlive"): Wishes {
  if (value === false) return wishesOf({ enabled: false });
  if (value === true) return wishesOf({});
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(
      complaint(name, value, "true, false or a plain object"),
    );
  }
  return wishesOf(checkObject(value, RULES, name, `${name}.`));
}

function wishesOf(given: Checked<typeof RULES>): Wishes {
  const enabled = given.enabled ?? true;
  const wish = (
    option: NumericOption,
    value: number | null | undefined,
    toKernel: (value: number) => number,
  ): Wish => {
    if (value === null) return { kind: "keep", explicit: true };
    if (value !== undefined) {
      return { kind: "set", value: toKernel(value), explicit: true };
    }
    if (!enabled || option === "TCP_USER_TIMEOUT") return NOT_WANTED;
    return { kind: "set", value: DEFAULTS[option], explicit: false };
  };
  return {
    enabled,
    options: {
      TCP_KEEPIDLE: wish("TCP_KEEPIDLE", given.idle, secondsUp),
      TCP_KEEPINTVL: wish("TCP_KEEPINTVL", given.interval, secondsUp),
      TCP_KEEPCNT: wish("TCP_KEEPCNT", given.count, (count) => count),
      // "+ 0" makes 0 of -0, which would be written as 0 but reported as -0.
      TCP_USER_TIMEOUT: wish(
        "TCP_USER_TIMEOUT",
        given.userTimeout,
        (milliseconds) => Math.ceil(milliseconds) + 0,
      ),
    },
    report: given.unsupported === "report",
  };
}
