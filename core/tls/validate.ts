/**
 * Validates what TLS is given, before anything is opened.
 *
 * @module
 */
import {
  boolean,
  check,
  type Checked,
  checkObject,
  complaint,
  duration,
  type Rule,
  signal,
  text,
} from "../check.ts";
import type { DialLimits } from "../lifecycle/dial.ts";
import { holdsCertificates, holdsKey } from "./pem.ts";

/** `TlsOptions`, validated and complete. */
export interface TlsPlan {
  /** What the certificate must be for. */
  serverName: string;
  /** Whether that is an IP address, which is never sent as SNI. */
  isAddress: boolean;
  caCerts: readonly string[];
  /** Our own certificate and its key; both or none. */
  identity?: Identity;
  alpnProtocols: readonly string[];
}

/** A certificate with its key. */
export interface Identity {
  cert: string;
  key: string;
}

/** `ListenTlsOptions`, validated and complete. */
export interface ListenTlsPlan {
  identity: Identity;
  /** Not empty exactly when clients must have a certificate. */
  caCerts: readonly string[];
  requestCert: boolean;
  alpnProtocols: readonly string[];
}

const MAX_INT = 2_147_483_647;

const utf8 = new TextEncoder();

const certificates = text("certificates as PEM", holdsCertificates);
const key = text("one private key as PEM, not encrypted", holdsKey);

const serverName = text(
  "a name or an IP address, without spaces or NUL",
  (value) => value.length > 0 && value.length <= 253 && !/[\s\0]/.test(value),
);

/** RFC 7301, section 3.1: each of 1 to 255 bytes, and two bytes count them all. */
const alpnProtocols = listOf(
  "protocols of 1 to 255 bytes each, 65,535 bytes with their lengths",
  (value) => {
    const lengths = value.map((name) => utf8.encode(name).length);
    const whole = lengths.reduce((sum, length) => sum + length + 1, 0);
    return value.length > 0 && lengths.every((length) => length >= 1 && length <= 255) && whole <= 65_535;
  },
);

const CLIENT_RULES = {
  caCerts: listOf("certificates as PEM", (value) => value.every(holdsCertificates)),
  cert: certificates,
  key,
  serverName,
  alpnProtocols,
};

const START_RULES = { ...CLIENT_RULES, timeout: duration(MAX_INT), signal };

const SERVER_RULES = {
  cert: certificates,
  key,
  caCerts: CLIENT_RULES.caCerts,
  requestCert: boolean,
  alpnProtocols,
};

/**
 * Validates the option `tls` of `connect`.
 *
 * @param hostname What is verified where there is no `serverName`.
 * @returns `undefined` where TLS is not to be started at once: `false` and `"starttls"`.
 * @throws {TypeError} Another type or shape, an unknown key, `cert` without `key` or the reverse.
 * @throws {RangeError} No PEM, or a name that is none.
 */
export function validateTls(tls: unknown, hostname: string): TlsPlan | undefined {
  if (tls === false || tls === "starttls") return undefined;
  if (tls === true) return clientPlan({}, hostname);
  if (typeof tls !== "object" || tls === null) {
    throw new TypeError(complaint("tls", tls, 'true, false, "starttls" or a plain object'));
  }
  return clientPlan(checkObject(tls, CLIENT_RULES, "tls", "tls."), hostname);
}

/** Validates the options of `startTls`; errors as {@link validateTls}. */
export function validateStartTls(options: unknown, hostname: string): { tls: TlsPlan; limits: DialLimits } {
  const { timeout, signal, ...given } = checkObject(options, START_RULES, "options");
  const limits: DialLimits = {};
  if (timeout !== undefined) limits.timeout = Math.ceil(timeout);
  if (signal) limits.signal = signal;
  return { tls: clientPlan(given, hostname), limits };
}

/** Validates the option `tls` of `listen`; errors as {@link validateTls}. */
export function validateListenTls(tls: unknown): ListenTlsPlan {
  const given = checkObject(tls, SERVER_RULES, "tls", "tls.");
  const { requestCert = false, caCerts = [], alpnProtocols = [] } = given;
  check(given.cert, certificates, "tls.cert");
  check(given.key, key, "tls.key");
  if (requestCert && caCerts.length === 0) {
    throw new TypeError(
      "Cannot use tls.requestCert without tls.caCerts: expected the authorities of the clients",
    );
  }
  if (!requestCert && given.caCerts !== undefined) {
    throw new TypeError("Cannot use tls.caCerts without tls.requestCert: expected requestCert = true");
  }
  const identity = { cert: given.cert, key: given.key };
  return { identity, caCerts: [...caCerts], requestCert, alpnProtocols: [...alpnProtocols] };
}

function clientPlan(given: Checked<typeof CLIENT_RULES>, hostname: string): TlsPlan {
  const { serverName = hostname, caCerts = [], cert, key, alpnProtocols = [] } = given;
  if ((cert === undefined) !== (key === undefined)) {
    const [one, other] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw new TypeError(`Cannot use ${one} without ${other}: expected both or none`);
  }
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(serverName) || serverName.includes(":");
  const plan: TlsPlan = { serverName, isAddress, caCerts: [...caCerts], alpnProtocols: [...alpnProtocols] };
  if (cert !== undefined && key !== undefined) plan.identity = { cert, key };
  return plan;
}

function listOf(expected: string, inRange: (value: string[]) => boolean): Rule<string[]> {
  return {
    expected: `an array of ${expected}`,
    is: (value): value is string[] => Array.isArray(value) && value.every((item) => typeof item === "string"),
    inRange,
  };
}
