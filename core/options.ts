/**
 * Validates what `connect` and `listen` are given, before anything is opened,
 * and fills in the defaults.
 *
 * @module
 */
import type { Address } from "./types.ts";
import {
  anything,
  boolean,
  type Checked,
  checkObject,
  complaint,
  duration,
  durationOrZero,
  integer,
  signal,
  text,
} from "./check.ts";
import type { Wishes } from "./keepalive/model.ts";
import { validateKeepAlive } from "./keepalive/validate.ts";
import { type ListenTlsPlan, type TlsPlan, validateListenTls, validateTls } from "./tls/validate.ts";

/** What every connection is made with, whoever opened it. */
export interface ConnectionPlan {
  /** Keepalive, in kernel units. */
  wishes: Wishes;
  noDelay: boolean;
  allowHalfOpen: boolean;
  /** Bytes. */
  readAhead: number;
  /** Milliseconds. */
  closeTimeout: number;
  /** What TLS as the client verifies by default, where it is on or may be started later. */
  tlsName?: string;
}

/** `ConnectOptions`, validated and complete. */
export interface ConnectPlan extends ConnectionPlan {
  /** Where to: as the caller wrote it, or the default. */
  endpoint: Address;
  /** Milliseconds; absent: the system's own. */
  timeout?: number;
  signal?: AbortSignal;
  /** TLS from the start. */
  tls?: TlsPlan;
}

/** `ListenOptions`, validated and complete. */
export interface ListenPlan extends ConnectionPlan {
  /** Where: as the caller wrote it, or the default; port 0 is any. */
  endpoint: Address;
  backlog: number;
  reusePort: boolean;
  signal?: AbortSignal;
  tls?: ListenTlsPlan;
}

const MAX_INT = 2_147_483_647;

/** `sun_path` of Linux has 108 bytes with the final NUL; a smaller limit elsewhere is the kernel's to tell. */
const MAX_PATH_BYTES = 107;

const utf8 = new TextEncoder();

const hostname = text(
  "a name or an IP address, without NUL",
  (value) => value.length > 0 && !value.includes("\0"),
);

// Node 20 cuts a longer path and uses what is left; one that begins with NUL is in Linux's abstract namespace.
const path = text(
  `a path of 1 to ${MAX_PATH_BYTES} bytes, without NUL`,
  (value) =>
    value.length > 0 && !value.includes("\0") &&
    utf8.encode(value).length <= MAX_PATH_BYTES,
);

const CONNECTION_RULES = {
  keepAlive: anything,
  noDelay: boolean,
  allowHalfOpen: boolean,
  readAhead: integer(1, MAX_INT),
  closeTimeout: durationOrZero(MAX_INT),
};

const CONNECT_RULES = {
  hostname,
  port: integer(1, 65_535),
  path,
  ...CONNECTION_RULES,
  timeout: duration(MAX_INT),
  signal,
  tls: anything,
};

const LISTEN_RULES = {
  hostname,
  port: integer(0, 65_535),
  path,
  backlog: integer(1, 65_535),
  reusePort: boolean,
  ...CONNECTION_RULES,
  signal,
  tls: anything,
};

/**
 * Validates the options of `connect`. Durations are rounded up to whole
 * milliseconds.
 *
 * @throws {TypeError} Not a plain object, an unknown key, a value of another type, `path` together with `hostname` or `port`, neither `path` nor `port`.
 * @throws {RangeError} A value out of its range.
 */
export function validateConnect(options: unknown): ConnectPlan {
  const given = checkObject(options, CONNECT_RULES, "options");
  const plan: ConnectPlan = {
    endpoint: endpointOf(given, "127.0.0.1"),
    ...connectionPlan(given),
  };
  if (given.timeout !== undefined) plan.timeout = Math.ceil(given.timeout);
  if (given.signal) plan.signal = given.signal;
  const { tls = false } = given;
  if (tls !== false) {
    const { hostname } = tcpEndpoint(plan.endpoint);
    plan.tlsName = hostname;
    const tlsPlan = validateTls(tls, hostname);
    if (tlsPlan) plan.tls = tlsPlan;
  }
  return plan;
}

/**
 * Validates the options of `listen`. Durations are rounded up to whole
 * milliseconds.
 *
 * @throws {TypeError} As {@link validateConnect}; also `reusePort: true` with `path`.
 * @throws {RangeError} A value out of its range.
 */
export function validateListen(options: unknown): ListenPlan {
  const given = checkObject(options, LISTEN_RULES, "options");
  const endpoint = endpointOf(given, "0.0.0.0");
  if (given.reusePort && given.path !== undefined) {
    throw new TypeError(
      "Cannot use reusePort together with path: expected a TCP port",
    );
  }
  const { backlog = 511, reusePort = false } = given;
  const plan: ListenPlan = {
    endpoint,
    ...connectionPlan(given),
    backlog,
    reusePort,
  };
  if (given.signal) plan.signal = given.signal;
  if (given.tls !== undefined) {
    tcpEndpoint(endpoint);
    plan.tls = validateListenTls(given.tls);
  }
  return plan;
}

function tcpEndpoint(endpoint: Address): Address & { transport: "tcp" } {
  if (endpoint.transport === "tcp") return endpoint;
  throw new TypeError("Cannot use tls together with path: expected a TCP port");
}

function endpointOf(
  given: { hostname?: string; port?: number; path?: string },
  defaultHostname: string,
): Address {
  const { hostname = defaultHostname, port, path } = given;
  if (path !== undefined) {
    const other = port !== undefined ? "port" : given.hostname !== undefined ? "hostname" : undefined;
    if (other) {
      throw new TypeError(
        `Cannot use path together with ${other}: expected one of them`,
      );
    }
    return { transport: "unix", path };
  }
  if (port === undefined) {
    throw new TypeError(complaint("port", port, "a port or a path"));
  }
  return { transport: "tcp", hostname, port };
}

function connectionPlan(given: Checked<typeof CONNECTION_RULES>): ConnectionPlan {
  const { keepAlive = true, noDelay = true, allowHalfOpen = false } = given;
  const { readAhead = 65_536, closeTimeout = 10_000 } = given;
  const wishes = validateKeepAlive(keepAlive);
  return { wishes, noDelay, allowHalfOpen, readAhead, closeTimeout: Math.ceil(closeTimeout) };
}
