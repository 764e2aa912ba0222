/**
 * The public shape of a connection as a Node stream. Types only.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { Connection, ConnectOptions, KeepAlive, KeepAliveStatus } from "../../core/types.ts";

/** How far a stream's connection is. */
export type ReadyState = "opening" | "open" | "readOnly" | "writeOnly" | "closed";

/** One end of a connection, as `net.Socket` tells it. Empty without a TCP connection. */
export interface StreamAddress {
  address?: string;
  /** `"IPv4"` or `"IPv6"`. */
  family?: string;
  port?: number;
}

/** Where to connect to; `host` is another word for `hostname`. */
export type StreamTarget = Pick<ConnectOptions, "hostname" | "port" | "path"> & { host?: string };

/**
 * A connection as a Node `Duplex`, with what clients expect of a `net.Socket`.
 *
 * - Events, besides those of every `Duplex`: `connect` and `ready` when the
 *   connection is there, and `timeout` by `setTimeout`.
 * - `error` brings the connection's `SocketError`, whose `code` is POSIX's,
 *   whether or not anybody reads. What was received before comes first as long
 *   as somebody takes it; a reader that takes nothing for a second gets the
 *   error, and the rest by `read()`.
 * - The peer's FIN is `end`. Without `allowHalfOpen` what is queued is then
 *   sent, and our FIN. If the peer answers that by a RST, only a write that
 *   fails is an error, as on a `net.Socket`.
 * - `destroy()` drops what is queued in the stream, and emits `close` at once;
 *   what the connection has taken is sent in the background, for a second at
 *   most, and then a FIN. `destroy(error)` resets the connection.
 */
export interface ConnectionDuplex extends Duplex {
  /** The connection; `undefined` before `connect`. */
  readonly connection: Connection | undefined;
  /** Whether it is being opened. */
  readonly connecting: boolean;
  /** Whether it is not open yet. */
  readonly pending: boolean;
  readonly readyState: ReadyState;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** `"IPv4"` or `"IPv6"`. */
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** `"IPv4"` or `"IPv6"`. */
  readonly localFamily: string | undefined;
  /** Our end. */
  address(): StreamAddress;
  /** Bytes received that the stream was given. */
  readonly bytesRead: number;
  /** Bytes written, those included that are queued. */
  readonly bytesWritten: number;
  /** Bytes queued; `undefined` before `connect` was called. */
  readonly bufferSize: number | undefined;
  /** Milliseconds of `setTimeout`; `undefined` if there is none. */
  readonly timeout: number | undefined;
  /**
   * Connects a stream that was made without an address. On one that has a
   * connection, or is getting one, the address given is not used: `connect` is
   * emitted when it is there, as clients wait for it.
   *
   * @throws {TypeError | RangeError} The address has the wrong shape.
   */
  connect(port: number | string, host?: string, listener?: () => void): this;
  connect(port: number | string, listener: () => void): this;
  connect(target: StreamTarget | string, listener?: () => void): this;
  /**
   * As `net.Socket` has it, in milliseconds: a value of 0, or one left out, is
   * left as it is; 1 ms is 1 s. Before `connect` it is remembered.
   *
   * Clients call it with numbers of their own, and know of no refusal: where a
   * value cannot be held, the others are set, and the process is told once by a
   * warning (`process.on("warning")`), which is the `UnsupportedOptionError`
   * with its hint. `getKeepAlive()` has what is held. On a closed connection
   * nothing happens.
   *
   * @throws {TypeError | RangeError} A value has the wrong shape or is out of range.
   */
  setKeepAlive(enable?: boolean, initialDelay?: number, interval?: number, count?: number): this;
  /**
   * As `Connection.setKeepAlive`.
   *
   * @throws {TypeError | RangeError} A value has the wrong shape or is out of range.
   * @throws {UnsupportedOptionError} A value given cannot be held here; before `connect` it is the `error` of the stream.
   */
  setKeepAlive(options: KeepAlive): this;
  /**
   * What the socket holds.
   *
   * @throws {SocketError} `ENOTCONN`: not connected yet, or closed.
   */
  getKeepAlive(): KeepAliveStatus;
  /** `TCP_NODELAY`, default on. Before `connect` it is remembered; nothing happens on a closed connection. Where it cannot be set, the process is warned as above. */
  setNoDelay(on?: boolean): this;
  /**
   * Emits `timeout` after so many milliseconds in which no byte came or went;
   * 0 is never, the default. Nothing else happens then.
   *
   * @throws {TypeError | RangeError} No number, or out of range.
   */
  setTimeout(milliseconds: number, listener?: () => void): this;
  /** Lets the connection keep the process alive, as it does at first. */
  ref(): this;
  /** Lets the process end while the connection is open. */
  unref(): this;
  /** `end()`, and `destroy()` when all is sent. */
  destroySoon(): void;
  /** Resets the connection, where the runtime can, and closes the stream without an error. */
  resetAndDestroy(): this;
}
