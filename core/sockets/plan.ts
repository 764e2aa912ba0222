/**
 * What `connect` of the standard is given, validated before anything is
 * opened, in terms of keepwire's own `connect`.
 *
 * @module
 */
import type { ConnectOptions, TlsOptions } from "../types.ts";
import { complaint } from "../check.ts";
import { SocketError } from "../errors.ts";
import { validateConnect } from "../options.ts";
import type { ConnectorDefaults, SocketAddress, SocketOptions, StartTlsSocketOptions } from "./types.ts";

/** How a socket comes about. */
export interface SocketPlan {
  hostname: string;
  port: number;
  secureTransport: "off" | "on" | "starttls";
  allowHalfOpen: boolean;
  /** Bytes; absent: the default of streams. */
  highWaterMark?: number;
  /** Milliseconds. */
  closeTimeout: number;
  connect: ConnectOptions;
  /** What `startTls` begins with. */
  tls: TlsOptions;
  allow?: ConnectorDefaults["allow"];
}

/** Members that only say something together with TLS. */
const TLS_MEMBERS = ["sni", "alpn", "caCerts", "cert", "key"] as const;

/** Ours, which keepwire's own `connect` checks. */
const OWN_MEMBERS = ["keepAlive", "noDelay", "timeout", "signal", "closeTimeout"] as const;

const MEMBERS: readonly string[] = [
  "secureTransport",
  "allowHalfOpen",
  "highWaterMark",
  ...TLS_MEMBERS,
  ...OWN_MEMBERS,
];

const invalid = (message: string) => new SocketError(message, { code: "EINVAL", op: "connect" });

/**
 * Validates what `connect` is given.
 *
 * @throws {SocketError} `EINVAL`: the address, or an option of the standard.
 * @throws {TypeError | RangeError} An option of keepwire's own.
 */
export function planSocket(address: unknown, given: unknown, defaults: ConnectorDefaults = {}): SocketPlan {
  const { hostname, port } = planAddress(address);
  const options = members(given);
  const { allow, ...fallback } = defaults;
  const merged: SocketOptions = { ...fallback, ...options };
  const { secureTransport = "off", allowHalfOpen = false, highWaterMark, closeTimeout = 10_000 } = merged;
  if (!["off", "on", "starttls"].includes(secureTransport)) {
    throw invalid(complaint("secureTransport", secureTransport, '"off" or "on" or "starttls"'));
  }
  const tlsMember = TLS_MEMBERS.find((name) => options[name] !== undefined && options[name] !== null);
  if (secureTransport === "off" && tlsMember) {
    throw invalid(`Cannot use ${tlsMember} without TLS: expected secureTransport "on" or "starttls"`);
  }
  if (highWaterMark !== undefined && !(highWaterMark >= 0)) {
    throw invalid(complaint("highWaterMark", highWaterMark, "a number of bytes"));
  }
  const tls = secureTransport === "off" ? {} : tlsOptions(merged);
  const connect: ConnectOptions = { hostname, port, allowHalfOpen: true, ...own(merged) };
  if (secureTransport === "starttls") connect.tls = "starttls";
  else if (secureTransport === "on") connect.tls = tls;
  // Throws here and now what connect() would reject with.
  validateConnect(connect);
  return {
    hostname,
    port,
    secureTransport,
    allowHalfOpen: Boolean(allowHalfOpen),
    highWaterMark,
    closeTimeout,
    connect,
    tls,
    allow,
  };
}

/** What `startTls` is given, over what the socket was opened with. */
export function planStartTls(plan: SocketPlan, given: unknown): SocketPlan {
  const { expectedServerHostname, servername, ...rest } = (given ?? {}) as StartTlsSocketOptions; // any object: clients pass options of other libraries
  const sni = rest.sni ?? servername ?? expectedServerHostname;
  const tls = { ...plan.tls, ...tlsOptions({ ...rest, sni }) };
  const { timeout = plan.connect.timeout, signal = plan.connect.signal } = rest;
  return { ...plan, secureTransport: "on", tls, connect: { ...plan.connect, timeout, signal } };
}

/**
 * Options alone, for a connector.
 *
 * @throws As {@link planSocket}.
 */
export function checkDefaults(defaults: ConnectorDefaults): ConnectorDefaults {
  const { allow, ...options } = defaults;
  if (allow !== undefined && typeof allow !== "function") {
    throw invalid(complaint("allow", allow, "a function"));
  }
  const checked = members(options);
  const secureTransport = checked.secureTransport === undefined ? "on" : checked.secureTransport;
  planSocket({ hostname: "localhost", port: 1 }, { ...checked, secureTransport });
  return { ...checked, allow };
}

/** The members we know. Others are ignored, but not one that is ours but for its case. */
function members(given: unknown): SocketOptions {
  if (given === undefined || given === null) return {};
  if (typeof given !== "object" && typeof given !== "function") {
    throw invalid(complaint("options", given, "an object"));
  }
  const found: Record<string, unknown> = {};
  for (const name of MEMBERS) {
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) found[name] = value;
  }
  for (const name of Object.keys(given)) {
    const meant = MEMBERS.find((member) => member.toLowerCase() === name.toLowerCase());
    if (meant !== undefined && meant !== name) {
      throw invalid(`Cannot use ${name}: unknown option, expected ${meant}`);
    }
  }
  return found as SocketOptions; // each member is checked where it is used
}

function own(options: SocketOptions): Pick<ConnectOptions, typeof OWN_MEMBERS[number]> {
  const entries = OWN_MEMBERS.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

function tlsOptions({ sni, alpn, caCerts, cert, key }: SocketOptions): TlsOptions {
  const tls: TlsOptions = {};
  if (sni !== undefined && sni !== null) tls.serverName = sni;
  if (alpn !== undefined && alpn !== null) tls.alpnProtocols = alpn;
  if (caCerts !== undefined) tls.caCerts = caCerts;
  if (cert !== undefined) tls.cert = cert;
  if (key !== undefined) tls.key = key;
  return tls;
}

function planAddress(address: unknown): { hostname: string; port: number } {
  if (typeof address === "string") return parseAddress(address);
  if (typeof address !== "object" || address === null) {
    throw invalid(complaint("address", address, '"host:port", or an object with hostname and port'));
  }
  const { hostname, port } = address as Partial<SocketAddress>; // any object may have them; checked next
  const bare = typeof hostname === "string" ? hostname.replace(/^\[(.*)\]$/, "$1") : "";
  if (bare === "" || /[\s\0]/.test(bare)) {
    throw invalid(complaint("hostname", hostname, "a name or an IP address"));
  }
  return { hostname: bare, port: planPort(port) };
}

function parseAddress(text: string): { hostname: string; port: number } {
  const found = /^(?:\[([^\]\s]+)\]|([^\s:/?#@[\]]+)):(\d+)$/.exec(text);
  if (!found) throw invalid(complaint("address", text, '"host:port", or "[address]:port" for IPv6'));
  return { hostname: found[1] ?? found[2], port: planPort(found[3]) };
}

function planPort(port: unknown): number {
  const number = typeof port === "string" && /^\d+$/.test(port) ? Number(port) : port;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 1 || number > 65_535) {
    throw invalid(complaint("port", port, "an integer from 1 to 65535"));
  }
  return number;
}
