/**
 * From a runtime's error code, class or message to the code of a
 * `SocketError`. Data; one source link a line.
 *
 * @module
 */
import { errnoName } from "./errno.ts";
import type { Runtime, SocketErrorCode } from "./names.ts";
import { TLS_BY_CODE, TLS_BY_MESSAGE, TLS_BY_PREFIX } from "./tls_failure.ts";

const LIBUV = "https://github.com/libuv/libuv/blob/6179e7af87413396d5853a1c3722c8b5749336c8/include/uv.h";
const NODE_ERRORS = "https://nodejs.org/api/errors.html";
const POSIX = "https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html";
const GETADDRINFO = "https://man7.org/linux/man-pages/man3/getaddrinfo.3.html";
const C_ARES = "https://github.com/c-ares/c-ares/blob/v1.34.5/include/ares.h";
const DENO_ERRORS = "https://docs.deno.com/api/deno/~/Deno.errors";
const DOM_EXCEPTION = "https://webidl.spec.whatwg.org/#idl-DOMException-error-names";

/** A word of a runtime and the code it becomes. */
export interface FailureRow {
  code: SocketErrorCode;
  source: string;
}

const row = (code: SocketErrorCode, source: string): FailureRow => ({
  code,
  source,
});

/** Codes that stand for themselves. */
export const SAME_CODES: Readonly<Record<SocketErrorCode, true>> = {
  ETIMEDOUT: true,
  ECONNRESET: true,
  ECONNREFUSED: true,
  ECONNABORTED: true,
  EPIPE: true,
  ENOTCONN: true,
  EHOSTUNREACH: true,
  EHOSTDOWN: true,
  ENETUNREACH: true,
  ENETDOWN: true,
  EADDRINUSE: true,
  EADDRNOTAVAIL: true,
  EACCES: true,
  EPERM: true,
  ENOENT: true,
  EINVAL: true,
  EBUSY: true,
  EMFILE: true,
  ENFILE: true,
  ENOBUFS: true,
  ENOMEM: true,
  ENOTSUP: true,
  ENOTFOUND: true,
  EAI_AGAIN: true,
  EPROTO: true,
  CERT_HAS_EXPIRED: true,
  CERT_NOT_YET_VALID: true,
  CERT_UNTRUSTED: true,
  ERR_TLS_CERT_ALTNAME_INVALID: true,
  EIO: true,
};

/** First: by the `code` of the runtime's error, or the POSIX name of an error number. */
export const BY_CODE: Readonly<Record<string, FailureRow>> = {
  EAFNOSUPPORT: row("ENOTSUP", POSIX),
  EAGAIN: row("EBUSY", POSIX),
  EBADF: row("ENOTCONN", POSIX),
  ECANCELED: row("ECONNABORTED", LIBUV),
  EINTR: row("ECONNABORTED", DENO_ERRORS), // Deno's word for a read whose connection was closed here
  EISCONN: row("EINVAL", POSIX),
  ELOOP: row("EINVAL", POSIX),
  ENAMETOOLONG: row("EINVAL", POSIX),
  ENETRESET: row("ECONNRESET", POSIX),
  ENOPROTOOPT: row("ENOTSUP", POSIX),
  ENOTDIR: row("ENOENT", POSIX),
  ENOTSOCK: row("EINVAL", POSIX),
  EOPNOTSUPP: row("ENOTSUP", POSIX),
  EPROTONOSUPPORT: row("ENOTSUP", POSIX),
  ESHUTDOWN: row("EPIPE", POSIX),
  EOF: row("ECONNRESET", LIBUV),
  EAI_ADDRFAMILY: row("ENOTFOUND", GETADDRINFO),
  EAI_BADFLAGS: row("EINVAL", GETADDRINFO),
  EAI_FAMILY: row("ENOTSUP", GETADDRINFO),
  EAI_MEMORY: row("ENOMEM", GETADDRINFO),
  EAI_NODATA: row("ENOTFOUND", GETADDRINFO),
  EAI_NONAME: row("ENOTFOUND", GETADDRINFO),
  EAI_SERVICE: row("EINVAL", GETADDRINFO),
  EAI_SOCKTYPE: row("EINVAL", GETADDRINFO),
  ENODATA: row("ENOTFOUND", C_ARES),
  ENONAME: row("ENOTFOUND", C_ARES),
  EBADNAME: row("ENOTFOUND", C_ARES),
  ESERVFAIL: row("EAI_AGAIN", C_ARES),
  ETIMEOUT: row("EAI_AGAIN", C_ARES),
  ERR_ACCESS_DENIED: row("EACCES", `${NODE_ERRORS}#err_access_denied`),
  ERR_SERVER_NOT_RUNNING: row(
    "ENOTCONN",
    `${NODE_ERRORS}#err_server_not_running`,
  ),
  ERR_SOCKET_CLOSED: row("ENOTCONN", `${NODE_ERRORS}#err_socket_closed`),
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: row(
    "ECONNABORTED",
    `${NODE_ERRORS}#err_socket_closed_before_connection`,
  ),
  ERR_SOCKET_CONNECTION_TIMEOUT: row(
    "ETIMEDOUT",
    `${NODE_ERRORS}#err_socket_connection_timeout`,
  ),
  ERR_STREAM_DESTROYED: row("ENOTCONN", `${NODE_ERRORS}#err_stream_destroyed`),
  ERR_STREAM_PREMATURE_CLOSE: row(
    "ECONNABORTED",
    `${NODE_ERRORS}#err_stream_premature_close`,
  ),
  ERR_STREAM_WRITE_AFTER_END: row(
    "EPIPE",
    `${NODE_ERRORS}#err_stream_write_after_end`,
  ),
  ABORT_ERR: row("ECONNABORTED", `${NODE_ERRORS}#abort_err`),
};

/** Second: by the error's class, for errors without a code that says it. */
export const BY_CLASS: Readonly<Record<string, FailureRow>> = {
  AddrInUse: row("EADDRINUSE", `${DENO_ERRORS}.AddrInUse`),
  AddrNotAvailable: row("EADDRNOTAVAIL", `${DENO_ERRORS}.AddrNotAvailable`),
  BadResource: row("ENOTCONN", `${DENO_ERRORS}.BadResource`),
  BrokenPipe: row("EPIPE", `${DENO_ERRORS}.BrokenPipe`),
  Busy: row("EBUSY", `${DENO_ERRORS}.Busy`),
  ConnectionAborted: row("ECONNABORTED", `${DENO_ERRORS}.ConnectionAborted`),
  ConnectionRefused: row("ECONNREFUSED", `${DENO_ERRORS}.ConnectionRefused`),
  ConnectionReset: row("ECONNRESET", `${DENO_ERRORS}.ConnectionReset`),
  Interrupted: row("ECONNABORTED", `${DENO_ERRORS}.Interrupted`),
  NetworkUnreachable: row("ENETUNREACH", `${DENO_ERRORS}.NetworkUnreachable`),
  NotADirectory: row("ENOENT", `${DENO_ERRORS}.NotADirectory`),
  NotCapable: row("EACCES", `${DENO_ERRORS}.NotCapable`),
  NotConnected: row("ENOTCONN", `${DENO_ERRORS}.NotConnected`),
  NotFound: row("ENOENT", `${DENO_ERRORS}.NotFound`),
  NotSupported: row("ENOTSUP", `${DENO_ERRORS}.NotSupported`),
  PermissionDenied: row("EACCES", `${DENO_ERRORS}.PermissionDenied`),
  TimedOut: row("ETIMEDOUT", `${DENO_ERRORS}.TimedOut`),
  UnexpectedEof: row("ECONNRESET", `${DENO_ERRORS}.UnexpectedEof`),
  WouldBlock: row("EBUSY", `${DENO_ERRORS}.WouldBlock`),
  WriteZero: row("EPIPE", `${DENO_ERRORS}.WriteZero`),
  AbortError: row("ECONNABORTED", DOM_EXCEPTION),
  TimeoutError: row("ETIMEDOUT", DOM_EXCEPTION),
};

/** A row that goes by message text: it names the runtime and the version that was seen to say so. */
export interface MessageRow {
  runtime: Runtime;
  /** The version that says it; another may say it too. */
  seen: string;
  text: RegExp;
  /** `"errno"`: the text's first group is an error number of the operating system. */
  code: SocketErrorCode | "errno";
  source: string;
}

const DENO = "https://github.com/denoland/deno/blob/98f9507affc905f088124891add3a8dd63b91f77/ext/net";
const GLIBC =
  "https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/posix/gai_strerror-strs.h;hb=glibc-2.41";
const LIBINFO =
  "https://github.com/apple-oss-distributions/Libinfo/blob/Libinfo-597/lookup.subproj/netdb_async.h";
const WORKERD =
  "https://github.com/cloudflare/workerd/blob/007f816739c52bfb1b2f5ac5fdc3964732ca0c24/src/workerd/api/sockets.c++";
const WORKERD_CONTEXT =
  "https://developers.cloudflare.com/workers/observability/errors/#cannot-perform-io-on-behalf-of-a-different-request";
const RUST = "https://doc.rust-lang.org/std/io/struct.Error.html#method.from_raw_os_error";

/** Third: by the message, in this order. */
export const BY_MESSAGE: readonly MessageRow[] = [
  {
    runtime: "deno",
    seen: "2.9.6",
    text: /: Name or service not known$/,
    code: "ENOTFOUND",
    source: GLIBC,
  },
  {
    runtime: "deno",
    seen: "2.9.6",
    text: /: No address associated with hostname$/,
    code: "ENOTFOUND",
    source: GLIBC,
  },
  {
    runtime: "deno",
    seen: "2.9.6",
    text: /: Temporary failure in name resolution$/,
    code: "EAI_AGAIN",
    source: GLIBC,
  },
  {
    runtime: "deno",
    seen: "2.9.6",
    text: /: nodename nor servname provided, or not known$/,
    code: "ENOTFOUND",
    source: LIBINFO,
  },
  {
    runtime: "deno",
    seen: "2.9.6",
    text: /^Unable to get resources$/,
    code: "EBUSY",
    source: `${DENO}/io.rs`,
  },
  {
    runtime: "deno",
    seen: "2.9.6",
    text: /\(os error (\d+)\)$/,
    code: "errno",
    source: RUST,
  },
  // Said of an RST, and of whatever else ends a connection.
  {
    runtime: "workerd",
    seen: "1.20261117.1",
    text: /^Network connection lost\.$/,
    code: "ECONNRESET",
    source: WORKERD,
  },
  {
    runtime: "workerd",
    seen: "1.20261117.1",
    text: /^This WritableStream has been closed\.$/,
    code: "EPIPE",
    source: WORKERD,
  },
  {
    runtime: "workerd",
    seen: "1.20261117.1",
    text: /^This socket has been closed\.$/,
    code: "ECONNABORTED",
    source: WORKERD,
  },
  {
    runtime: "workerd",
    seen: "1.20261117.1",
    text: /^Specified address is empty string, contains unsupported characters or is too long\.$/,
    code: "ENOTFOUND",
    source: WORKERD,
  },
  {
    runtime: "workerd",
    seen: "1.20261117.1",
    text: /^Cannot perform I\/O on behalf of a different request\./,
    code: "ENOTSUP",
    source: WORKERD_CONTEXT,
  },
  {
    runtime: "workerd",
    seen: "1.20261117.1",
    text: /^Disallowed operation called within global scope\./,
    code: "ENOTSUP",
    source: WORKERD_CONTEXT,
  },
];

const has = (table: object, key: string): boolean => Object.hasOwn(table, key);

/**
 * The code for a POSIX name or a runtime's own code.
 *
 * @returns `undefined` for a word that has no row.
 */
export function codeOf(word: string): SocketErrorCode | undefined {
  if (has(SAME_CODES, word)) return word as SocketErrorCode; // a key of that record
  if (has(BY_CODE, word)) return BY_CODE[word].code;
  if (has(TLS_BY_CODE, word)) return TLS_BY_CODE[word].code;
  return TLS_BY_PREFIX.find(({ prefix }) => word.startsWith(prefix))?.code;
}

/**
 * The code for an error number, as `setsockopt(2)` by FFI gives it.
 *
 * @param os As `osName` gives it.
 * @param errno The number, positive.
 * @returns `undefined` on an operating system or for a number without a row.
 */
export function codeOfErrno(
  os: string,
  errno: number,
): SocketErrorCode | undefined {
  const name = errnoName(os, errno);
  return name === undefined ? undefined : codeOf(name);
}

/**
 * The code for a failure as the tables have it: by code, then by class, then
 * by message.
 *
 * @returns `undefined` where no row fits.
 */
export function codeOfFailure(
  failure: { code?: unknown; name?: unknown; message?: unknown },
  where: { runtime: string; os: string },
): SocketErrorCode | undefined {
  if (typeof failure.code === "string") {
    const code = codeOf(failure.code);
    if (code) return code;
  }
  // One class of Deno's stands for all that TLS refuses.
  if (failure.name === "InvalidData") return codeOfMessage(String(failure.message), where) ?? "EPROTO";
  if (typeof failure.name === "string" && has(BY_CLASS, failure.name)) {
    return BY_CLASS[failure.name].code;
  }
  return typeof failure.message === "string" ? codeOfMessage(failure.message, where) : undefined;
}

function codeOfMessage(
  message: string,
  where: { runtime: string; os: string },
): SocketErrorCode | undefined {
  for (const { runtime, text, code } of [...TLS_BY_MESSAGE, ...BY_MESSAGE]) {
    const match = runtime === where.runtime ? text.exec(message) : null;
    if (match) {
      return code === "errno" ? codeOfErrno(where.os, Number(match[1])) : code;
    }
  }
  return undefined;
}
