/**
 * Makes every `SocketError`: the code from the tables, the message from the
 * code and the addresses, so that it is the same text on each runtime.
 *
 * @module
 */
import type { Address, KernelName } from "./types.ts";
import { SocketError, type SocketErrorCode, type SocketOp, UnsupportedOptionError } from "./errors.ts";
import { codeOfFailure } from "./tables/failure.ts";

/** What was being done, and where: what an error of our own is made of. */
export interface FailureContext {
  op: SocketOp;
  localAddress?: Address;
  remoteAddress?: Address;
  /** `node`, `deno` or `bun`: each has its own words for a failure. */
  runtime?: string;
  /** As `osName` gives it: error numbers differ. */
  os?: string;
}

/** {@link FailureContext} with all that is needed to read a runtime's own error. */
export interface ErrorContext extends FailureContext {
  runtime: string;
  os: string;
}

/** What a code says, in words. */
export const CODE_TEXTS: Readonly<Record<SocketErrorCode, string>> = {
  ETIMEDOUT: "timed out",
  ECONNRESET: "connection reset by the peer",
  ECONNREFUSED: "connection refused",
  ECONNABORTED: "connection aborted on this side",
  EPIPE: "the writing side is closed",
  ENOTCONN: "not connected",
  EHOSTUNREACH: "no route to the host",
  EHOSTDOWN: "the host is down",
  ENETUNREACH: "network unreachable",
  ENETDOWN: "the network is down",
  EADDRINUSE: "address in use",
  EADDRNOTAVAIL: "address not available",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOENT: "no such file",
  EINVAL: "invalid argument",
  EBUSY: "the socket is busy",
  EMFILE: "too many open files in this process",
  ENFILE: "too many open files in the system",
  ENOBUFS: "no buffer space",
  ENOMEM: "out of memory",
  ENOTSUP: "not supported",
  ENOTFOUND: "no such host name",
  EAI_AGAIN: "the name server did not answer",
  EPROTO: "TLS protocol error",
  CERT_HAS_EXPIRED: "the certificate has expired",
  CERT_NOT_YET_VALID: "the certificate is not valid yet",
  CERT_UNTRUSTED: "the certificate is not trusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another name",
  EIO: "unexpected failure",
};

/** What cannot be done, by what was being done; `of` is the end that the message names. */
export const OP_TEXTS: Readonly<
  Record<SocketOp, { text: string; of: "local" | "remote" }>
> = {
  connect: { text: "connect to", of: "remote" },
  listen: { text: "listen on", of: "local" },
  accept: { text: "accept on", of: "local" },
  read: { text: "read from", of: "remote" },
  write: { text: "write to", of: "remote" },
  closeWrite: { text: "end the writing to", of: "remote" },
  close: { text: "close the connection to", of: "remote" },
  abort: { text: "go on with the connection to", of: "remote" },
  startTls: { text: "start TLS with", of: "remote" },
  setKeepAlive: { text: "set keepalive of", of: "remote" },
  getKeepAlive: { text: "read keepalive of", of: "remote" },
  watchHealth: { text: "watch the health of", of: "remote" },
  tcpInfo: { text: "read TCP_INFO of", of: "remote" },
  setNoDelay: { text: "set TCP_NODELAY of", of: "remote" },
};

/**
 * An address as messages write it: `127.0.0.1:80`, `[::1]:80`, a path, or
 * `a socket without a name`.
 */
export function formatAddress(address: Address): string {
  if (address.transport === "unix") {
    return address.path || "a socket without a name";
  }
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * A failure of our own, or one whose code is known.
 *
 * @param cause The runtime's own error, or the reason given to `abort`.
 * @param reason Words in place of those of the code, where more is known; no final period.
 */
export function socketError(
  code: SocketErrorCode,
  context: FailureContext,
  cause?: unknown,
  reason: string = CODE_TEXTS[code],
): SocketError {
  const { op, localAddress, remoteAddress } = context;
  return new SocketError(`Cannot ${subject(context)}: ${reason} (${code})`, {
    code,
    op,
    localAddress: isKnown(localAddress) ? localAddress : undefined,
    remoteAddress,
    cause,
  });
}

/** workerd does not tell our own end. */
function isKnown(address: Address | undefined): boolean {
  return address?.transport !== "tcp" || address.hostname !== "";
}

function subject({ op, localAddress, remoteAddress }: FailureContext): string {
  const { text, of } = OP_TEXTS[op];
  const address = of === "local" ? localAddress : remoteAddress ?? localAddress;
  return `${text} ${address ? formatAddress(address) : "the socket"}`;
}

/**
 * Any failure of a runtime as a `SocketError`, whose `cause` it becomes. A
 * `SocketError` passes through unchanged. What has no row is `EIO`.
 *
 * Of several (an `AggregateError`: a name with several addresses) the first
 * counts that came back from the network or the peer; failures to leave this
 * host (no route, no such address family) count only when there is no other:
 * they say that an address was of no use here, not what became of the host.
 */
export function toSocketError(
  cause: unknown,
  context: ErrorContext,
): SocketError {
  return cause instanceof SocketError ? cause : socketError(failureCode(cause, context), context, cause);
}

const NEVER_LEFT: ReadonlySet<SocketErrorCode> = new Set([
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "ENOTSUP",
  "EINVAL",
]);

function failureCode(cause: unknown, where: ErrorContext): SocketErrorCode {
  if (typeof cause !== "object" || cause === null) return "EIO";
  if (cause instanceof SocketError) return cause.code;
  const inner = (cause as Partial<AggregateError>).errors; // any object may have the property; checked next
  if (Array.isArray(inner) && inner.length > 0) {
    const codes = inner.map((error) => failureCode(error, where));
    return codes.find((code) => !NEVER_LEFT.has(code)) ?? codes[0];
  }
  return codeOfFailure(cause, where) ?? "EIO";
}

/** Which options cannot be held, why not here, and what would help. */
export interface UnsupportedOption {
  /** What cannot be done with the options. */
  verb: "set" | "read" | "leave alone";
  options: (KernelName | "TCP_INFO")[];
  /** Where: a runtime and its version, or a kind of socket. */
  where: string;
  /** What would help: a flag, a version, a package. */
  hint: string;
}

/** The error for options that were asked for and cannot be held: `Cannot set TCP_KEEPINTVL on node 20.20.2: …`. */
export function unsupportedOption(
  what: UnsupportedOption,
  context: FailureContext,
): UnsupportedOptionError {
  const { verb, options, where, hint } = what;
  const { op, localAddress, remoteAddress } = context;
  return new UnsupportedOptionError(
    `Cannot ${verb} ${options.join(", ")} on ${where}: ${hint}`,
    {
      op,
      localAddress,
      remoteAddress,
      options,
      hint,
    },
  );
}
