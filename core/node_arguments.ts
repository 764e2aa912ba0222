/**
 * What `net.Socket`'s methods take, which callers of Node know, in the words
 * of our own options.
 *
 * @module
 */
import type { ConnectOptions, KeepAlive } from "./types.ts";
import { boolean, check, checkObject, durationOrZero, integer, type Rule, text } from "./check.ts";
import { validateKeepAlive } from "./keepalive/validate.ts";

/** Where a stream is to connect to, and who is told. */
export interface ConnectCall {
  target: Pick<ConnectOptions, "hostname" | "port" | "path">;
  listener?: () => void;
}

const anyText: Rule<string> = text("a string", () => true);

const TARGET_RULES = {
  port: integer(0, 65_535),
  host: anyText,
  hostname: anyText,
  path: anyText,
};

/**
 * `connect(port, host?, listener?)`, `connect(path, listener?)` or
 * `connect({ port, host } | { path }, listener?)`. A port may be a string, as
 * it comes from a URL.
 *
 * @throws {TypeError} An unknown option, or a value of another type.
 */
export function connectCall(args: readonly unknown[]): ConnectCall {
  const last = args.at(-1);
  const listener = typeof last === "function" ? last as () => void : undefined;
  const [first, second] = listener ? args.slice(0, -1) : args;
  if (typeof first === "object") {
    const { host, ...target } = checkObject(first, TARGET_RULES, "options");
    if (host !== undefined) target.hostname ??= host;
    return { target, listener };
  }
  if (typeof first === "string" && !/^\d+$/.test(first)) return { target: { path: first }, listener };
  const port = Number(first);
  if (second === undefined || second === null) return { target: { port }, listener };
  check(second, anyText, "host");
  return { target: { port, hostname: second }, listener };
}

/** What to ask of a connection, and what to ask where a runtime cannot set one value without the others. */
export interface KeepAliveCall {
  options: boolean | KeepAlive;
  /** The values that were given, without the ones that are to stay. */
  given?: KeepAlive;
}

/**
 * `setKeepAlive(enable?, initialDelay?, interval?, count?)` of `net.Socket`,
 * in milliseconds, or the options of our own. A number of 0 or one that is
 * left out leaves the value that the socket has, as Node has it.
 *
 * @throws {TypeError | RangeError} A value has the wrong shape or is out of range.
 */
export function keepAliveCall(args: readonly unknown[]): KeepAliveCall {
  const [enable = false, initialDelay, interval, count] = args;
  if (typeof enable === "object") {
    validateKeepAlive(enable);
    return { options: { ...enable } };
  }
  check(enable, boolean, "enable");
  if (!enable) return { options: false };
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries({ idle: initialDelay, interval, count })) {
    if (value !== undefined && value !== null && value !== 0) given[name] = value;
  }
  validateKeepAlive(given);
  return { options: { idle: null, interval: null, count: null, ...given }, given };
}

const timeoutRule = durationOrZero(2_147_483_647);

/**
 * The milliseconds given to `setTimeout`.
 *
 * @throws {TypeError | RangeError} No such number.
 */
export function idleTimeout(value: unknown): number {
  check(value, timeoutRule, "timeout");
  return Math.ceil(value);
}
