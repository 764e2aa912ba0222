/**
 * The words that the tables are made of. Types only: the tables import nothing
 * from the rest of core.
 *
 * @module
 */

/** A runtime keepwire has an adapter for. */
export type Runtime = "node" | "deno" | "bun" | "workerd";

/** The kernel's names of the options keepwire sets. */
export type KernelName =
  | "SO_KEEPALIVE"
  | "TCP_KEEPIDLE"
  | "TCP_KEEPINTVL"
  | "TCP_KEEPCNT"
  | "TCP_USER_TIMEOUT";

/**
 * What the runtime's own call can do: nothing, on and off (`switch`), on with
 * an idle time while it forces the two others (`idle`), or all three (`all`).
 */
export type NativeAbility = "none" | "switch" | "idle" | "all";

/** When a peer's death is noticed without anybody reading or writing. */
export type NoticesDeath = "always" | "whileReadAheadHasRoom" | "onWrite";

/**
 * The codes a `SocketError` can have: POSIX names, the resolver's
 * `EAI_AGAIN`, and `ENOTFOUND` for a name that does not exist. `EIO` is
 * anything else; `cause` has the runtime's own word.
 */
export type SocketErrorCode =
  | "ETIMEDOUT"
  | "ECONNRESET"
  | "ECONNREFUSED"
  | "ECONNABORTED"
  | "EPIPE"
  | "ENOTCONN"
  | "EHOSTUNREACH"
  | "EHOSTDOWN"
  | "ENETUNREACH"
  | "ENETDOWN"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EACCES"
  | "EPERM"
  | "ENOENT"
  | "EINVAL"
  | "EBUSY"
  | "EMFILE"
  | "ENFILE"
  | "ENOBUFS"
  | "ENOMEM"
  | "ENOTSUP"
  | "ENOTFOUND"
  | "EAI_AGAIN"
  | "EPROTO"
  | "CERT_HAS_EXPIRED"
  | "CERT_NOT_YET_VALID"
  | "CERT_UNTRUSTED"
  | "ERR_TLS_CERT_ALTNAME_INVALID"
  | "EIO";

/** What TLS can do on a runtime. */
export interface TlsCapabilities {
  /** `connect({ tls })` and `startTls()`. */
  client: boolean;
  /** `listen({ tls })`. */
  server: boolean;
  /** Where a client can have a certificate: `connect` only with the `hostname` as its `serverName`. */
  clientCert: "always" | "connect" | "never";
  /** Whether a listener can ask clients for certificates. */
  requestCert: boolean;
  /** Whether `Connection.tls` tells the version and the peer's certificate, besides ALPN. */
  info: boolean;
  /** Whether a FIN without TLS's `close_notify` is told from an orderly end: it is `ECONNRESET` then. */
  truncation: boolean;
}
