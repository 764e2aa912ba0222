/**
 * The public shapes: options, status, connections and listeners. Types only.
 *
 * @module
 */
import type { TcpInfo } from "./types/tcp_info.ts";
import type { ListenTlsOptions, StartTlsOptions, TlsInfo, TlsOptions } from "./types/tls.ts";
import type { KernelName } from "./tables/names.ts";

export type { KernelName, NoticesDeath, Runtime } from "./tables/names.ts";
export type {
  DeadEvent,
  HealthEvent,
  RecoveredEvent,
  SuspectEvent,
  Suspicion,
  WatchHealthOptions,
} from "./types/health.ts";
export type { Capabilities, OptionRoutes } from "./types/capabilities.ts";
export type { TcpInfo, TcpState } from "./types/tcp_info.ts";
export type {
  ListenTlsOptions,
  PeerCertificate,
  StartTlsOptions,
  TlsCapabilities,
  TlsInfo,
  TlsOptions,
} from "./types/tls.ts";

/** The way by which an option is set or read: the runtime's own call, `setsockopt(2)` by FFI, or not at all. */
export type Route = "native" | "ffi" | "none";

/**
 * What is wanted of a connection's keepalive. Durations are milliseconds and
 * are rounded **up** to the unit of the kernel (1 ms is 1 s, never 0).
 *
 * A number is a promise: it is applied, or the call fails with an
 * `UnsupportedOptionError` before anything is touched. `undefined` means the
 * default, as far as the runtime can set it. `null` means that the value the
 * socket has is left alone, which is a promise too.
 */
export interface KeepAlive {
  /** `SO_KEEPALIVE`. Default `true`. With `false`, values given are written, and keepalive is left off. */
  enabled?: boolean;
  /** `TCP_KEEPIDLE`: milliseconds of silence before the first probe. Above 0, at most 32,767,000. Default 15,000. */
  idle?: number | null;
  /** `TCP_KEEPINTVL`: milliseconds between probes. Above 0, at most 32,767,000. Default 15,000. */
  interval?: number | null;
  /** `TCP_KEEPCNT`: unanswered probes after which the peer counts as dead. 1 to 127. Default 9. */
  count?: number | null;
  /**
   * `TCP_USER_TIMEOUT`: milliseconds that sent data may stay unacknowledged.
   * 0 to 2,147,483,647, where 0 is the kernel's own rule. Default: left alone.
   * Once it is set the kernel ignores `count`, and a peer that is alive but
   * does not read for so long counts as dead too (tcp(7)). `connect` gives up
   * as well when nobody answers for so long, 1,000 at least; names and all addresses count.
   */
  userTimeout?: number | null;
  /** What happens with explicit values that cannot be held: `"throw"` (default), or `"report"` them in `notApplied`. */
  unsupported?: "throw" | "report";
}

/** What a socket holds. */
export interface KeepAliveStatus {
  /** `SO_KEEPALIVE`. */
  enabled: boolean;
  /** `TCP_KEEPIDLE` in milliseconds; absent where it is not known. */
  idle?: number;
  /** `TCP_KEEPINTVL` in milliseconds; absent where it is not known. */
  interval?: number;
  /** `TCP_KEEPCNT`; absent where it is not known. */
  count?: number;
  /** `TCP_USER_TIMEOUT` in milliseconds, 0 for the kernel's own rule; absent where it is not known. */
  userTimeout?: number;
  /** `"kernel"`: read back by `getsockopt(2)`. `"requested"`: what was handed to the runtime, where it cannot be read. */
  source: "kernel" | "requested";
  /** By which way the values were set (`setKeepAlive`) or read (`getKeepAlive`). */
  route: Route;
  /** Kernel names of what was wanted (by default, or with `unsupported: "report"`) and is not held. */
  notApplied: KernelName[];
  /** The worst case, in milliseconds, until a dead peer is noticed. */
  detectsWithin: DetectsWithin;
}

/**
 * The worst case, in milliseconds, from the moment said below until the kernel
 * gives up a peer that answers no more, as the socket and the system stand
 * now. The kernel's timers are never early, and late by at most an eighth,
 * mostly far less. Absent: not bounded by these options, or not known.
 */
export interface DetectsWithin {
  /**
   * Nothing is in flight: keepalive probes decide. Counted from the last
   * segment received. Absent with keepalive off. A segment that comes between
   * two probes can put off the first unanswered one, up to an interval instead
   * of the idle time, where the interval is the longer one.
   */
  idle?: number;
  /**
   * Data of ours is sent and not acknowledged, and keepalive is suspended.
   * Counted from when the oldest such byte was sent, or from the last segment
   * received when that was later. Linux only. With a user timeout: that, and
   * the time to the first retransmission, from which the kernel counts it.
   * Without one: by the system's `net.ipv4.tcp_retries2`, about 15 minutes;
   * absent where that cannot be read.
   */
  inFlight?: number;
  /**
   * The peer's window is closed, and data waits for it. Linux only. With a
   * user timeout: counted from when it closed, or from the write that met it
   * closed; and a peer that is alive and does not read is given up as well.
   * Without one: counted from the last segment received, by
   * `net.ipv4.tcp_retries2`, up to half an hour; a peer that is alive is never
   * given up; absent where that cannot be read.
   */
  zeroWindow?: number;
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** Name or IP address to connect to. Default `"127.0.0.1"`. */
  hostname?: string;
  /** TCP port, 1 to 65,535. Either `port` or `path` is needed. */
  port?: number;
  /** Path of a Unix socket, in place of `hostname` and `port`. */
  path?: string;
  /** Keepalive. Default `true`: on, with the defaults of {@link KeepAlive}. */
  keepAlive?: boolean | KeepAlive;
  /** `TCP_NODELAY`. Default `true`. */
  noDelay?: boolean;
  /** With `false` (default) the connection ends by itself when the peer's FIN has been reached; with `true` one may go on writing. */
  allowHalfOpen?: boolean;
  /** Bytes that are buffered while nobody reads, 1 to 2,147,483,647. Default 65,536. */
  readAhead?: number;
  /** Milliseconds that `close()` waits, counted from when the kernel last took a byte of ours. Default 10,000; 0 is at once. */
  closeTimeout?: number;
  /** Milliseconds for the whole of connecting: names, all addresses, TCP and TLS. Default: the system's own. */
  timeout?: number;
  /** Cancels the connecting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * TLS, see {@link TlsOptions}; `true` is `{}`. With `"starttls"` the
   * connection is plain until `startTls()`. Default `false`. Not with `path`.
   */
  tls?: boolean | "starttls" | TlsOptions;
}

/** Options of `listen`. */
export interface ListenOptions {
  /** Name or IP address to listen on. Default `"0.0.0.0"`. */
  hostname?: string;
  /** TCP port, 0 to 65,535, where 0 is any free one. Either `port` or `path` is needed. */
  port?: number;
  /** Path of a Unix socket, in place of `hostname` and `port`. */
  path?: string;
  /** Connections the kernel queues, and connections that wait here for `accept()`: 1 to 65,535. Default 511. */
  backlog?: number;
  /** `SO_REUSEPORT`. Default `false`. */
  reusePort?: boolean;
  /** Keepalive that every accepted connection holds. Default `true`. */
  keepAlive?: boolean | KeepAlive;
  /** `TCP_NODELAY` of accepted connections. Default `true`. */
  noDelay?: boolean;
  /** As in {@link ConnectOptions}. */
  allowHalfOpen?: boolean;
  /** As in {@link ConnectOptions}. */
  readAhead?: number;
  /** As in {@link ConnectOptions}. */
  closeTimeout?: number;
  /** Closes the listener when it aborts. */
  signal?: AbortSignal;
  /** TLS with every client: a connection is handed out after its handshake. Default: none. Not with `path`. */
  tls?: ListenTlsOptions;
}

/** One end of a connection. A Unix socket without a name has the path `""`. */
export type Address =
  | { transport: "tcp"; hostname: string; port: number }
  | { transport: "unix"; path: string };

/** A connection: the same on every runtime. */
export interface Connection extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** Our end. */
  readonly localAddress: Address;
  /** The peer's end. */
  readonly remoteAddress: Address;
  /**
   * Reads what is there, at most `buffer.length` bytes, and gives their
   * number; `null` at the end of the stream, 0 for an empty buffer. The buffer
   * belongs to the connection until then. Reads are answered in their order.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes all of `data`. Resolves when the kernel has it; do not change
   * `data` before. Writes go out whole and in their order.
   */
  write(data: Uint8Array): Promise<void>;
  /**
   * What the peer sends, as a stream of bytes that takes BYOB readers; made
   * when it is first asked for. Nothing is read before somebody reads from it,
   * so the peer is held back exactly as by {@link Connection.read}. Chunks are
   * `Uint8Array`s of their own memory. It closes at the peer's FIN, and fails
   * with the `SocketError` the connection failed with, behind the bytes that
   * came before.
   *
   * While it is locked, `read` and iteration reject with a `TypeError`.
   * Cancelling it (a loop over it that is left early does so too) throws away
   * what still comes, so that the peer's end is noticed; one may go on writing,
   * and the connection is open until it is closed or the peer ends it.
   *
   * @example
   * ```ts
   * import { connect, listen } from "@keepwire/keepwire";
   *
   * await using listener = await listen({ hostname: "127.0.0.1", port: 0, allowHalfOpen: true });
   * if (listener.address.transport !== "tcp") throw new Error("not TCP");
   * await using connection = await connect({ port: listener.address.port, allowHalfOpen: true });
   * await using echo = await listener.accept();
   * echo.readable.pipeTo(echo.writable);
   *
   * const writer = connection.writable.getWriter();
   * await writer.write(new TextEncoder().encode("hello"));
   * await writer.close();
   * for await (const chunk of connection.readable) console.log(chunk.length);
   * ```
   */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * What is sent, as a stream; made when it is first asked for. A chunk is a
   * `Uint8Array`, anything else rejects with a `TypeError`; it is written when
   * the kernel has it, and must not be changed before. `desiredSize` counts
   * bytes, of 65,536. Closing it is `closeWrite()`, aborting it is
   * `abort(reason)`. It fails with the `SocketError` the connection failed
   * with, be it that nobody writes at the time.
   */
  readonly writable: WritableStream<Uint8Array>;
  /** Sends what is queued and then a FIN; reading goes on. Resolves when the FIN is sent. */
  closeWrite(): Promise<void>;
  /**
   * Ends in an orderly way: pending reads give `null`, what was written is
   * sent, then a FIN; what still arrives is discarded until the peer's FIN.
   * After `closeTimeout` the connection is reset, and `close` rejects with
   * `ETIMEDOUT` if bytes of ours may not have arrived.
   */
  close(): Promise<void>;
  /** Drops what is queued, and resets the connection where the runtime can. All that is pending rejects with `ECONNABORTED` whose `cause` is `reason`. */
  abort(reason?: unknown): void;
  /** Resolves on an orderly end, rejects with a `SocketError` on any other. Needs no handler: it is never an unhandled rejection. */
  readonly closed: Promise<void>;
  /** Sets keepalive; see {@link KeepAlive}. */
  setKeepAlive(options: boolean | KeepAlive): KeepAliveStatus;
  /** Tells what the socket holds. */
  getKeepAlive(): KeepAliveStatus;
  /** `TCP_NODELAY`, default on. Nothing happens on a Unix socket. */
  setNoDelay(on?: boolean): void;
  /**
   * What the kernel tells of the connection: TCP_INFO (tcp(7)). `undefined` for
   * a Unix socket, and where it cannot be read: without FFI, or on a system
   * other than Linux and macOS; `capabilities().tcpInfo` has what would help.
   */
  info(): TcpInfo | undefined;
  /** What TLS has agreed on; `undefined` where there is no TLS, or not yet. */
  readonly tls: TlsInfo | undefined;
  /**
   * Starts TLS as the client, on a connection opened with `tls: "starttls"`,
   * and resolves with this same connection after a verified handshake. What
   * was written before is sent first; what is written or read from now on goes
   * through TLS, and waits for it. If it fails, the connection has failed.
   *
   * @throws {TypeError | RangeError} An option has the wrong shape or is out of range. The connection is as it was.
   * @throws {SocketError} `CERT_HAS_EXPIRED`, `CERT_NOT_YET_VALID`,
   * `CERT_UNTRUSTED`, `ERR_TLS_CERT_ALTNAME_INVALID`: the certificate is refused.
   * `EPROTO`: the peer speaks no TLS 1.2 or 1.3, or bytes came before TLS
   * that nobody has read. `ENOTSUP`: not opened with `"starttls"`, TLS is on
   * already, or the option cannot be had here. `EBUSY`: a read waits.
   * `EINVAL`: a certificate or key cannot be read.
   * `ETIMEDOUT`; the signal's own reason when it aborts.
   *
   * @example
   * ```ts
   * import { connect, listen } from "@keepwire/keepwire";
   *
   * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
   * if (listener.address.transport !== "tcp") throw new Error("not TCP");
   * const connection = await connect({ port: listener.address.port, tls: "starttls" });
   * const server = await listener.accept();
   * await server.write(new TextEncoder().encode("no TLS here"));
   * await connection.startTls({ serverName: "example.org", timeout: 5_000 }).catch((error) => {
   *   console.log(error.code);
   * });
   * server.abort();
   * ```
   */
  startTls(options?: StartTlsOptions): Promise<Connection>;
  /**
   * Lets the connection keep the process alive, as it does at first. While
   * nothing is asked of it and no native read stands (read-ahead full, or the
   * peer's FIN read) it does so on Bun only.
   */
  ref(): void;
  /** Lets the process end while the connection is open. */
  unref(): void;
  /** The runtime's own socket. */
  readonly native: unknown;
}

/** A listening socket: the same on every runtime. */
export interface Listener extends AsyncIterable<Connection>, AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** The next connection. It holds the listener's options. */
  accept(): Promise<Connection>;
  /** Stops listening: pending `accept()` rejects with `ECONNABORTED`, iteration ends, connections handed out live on. */
  close(): Promise<void>;
  /** Lets the listener keep the process alive, as it does at first. */
  ref(): void;
  /** Lets the process end while the listener is open. */
  unref(): void;
  /** Sets what connections accepted from now on hold. */
  setKeepAlive(options: boolean | KeepAlive): KeepAliveStatus;
  /** Tells what accepted connections hold. */
  getKeepAlive(): KeepAliveStatus;
}

/**
 * A connected socket: a keepwire `Connection`, or one opened by the runtime's
 * own API: `net.Socket` on Node and Bun, `Deno.TcpConn`, Bun's `Socket`.
 */
// Each runtime has its own class, and naming one would drag its types into every user's project.
export type AnySocket = Connection | object;
