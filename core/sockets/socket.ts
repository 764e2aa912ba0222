/**
 * The `Socket` of the standard (WinterTC Sockets API) over a connection.
 *
 * @module
 */
import type { Connection } from "../types.ts";
import type { SocketError, SocketErrorCode, SocketOp } from "../errors.ts";
import { CloseDeadline } from "../lifecycle/close_deadline.ts";
import { pending, quiet, rejectQuietly } from "../lifecycle/promises.ts";
import { StreamedConnection } from "../lifecycle/streamed.ts";
import { formatAddress, socketError } from "../socket_error.ts";
import { ByteReadable } from "../streams/readable.ts";
import { Outgoing } from "./outgoing.ts";
import { planStartTls, type SocketPlan } from "./plan.ts";
import type { SocketChunk, SocketInfo, StartTlsSocketOptions } from "./types.ts";

/** Opens the connection of a socket. */
export type Dial = (signal: AbortSignal) => Promise<Connection>;

/** Makes a socket; nobody else can. */
export let makeSocket: (plan: SocketPlan, dial: Dial) => Socket;

/**
 * A TCP connection as the standard has it. It cannot be constructed: `connect`
 * and `startTls` make it.
 */
export class Socket {
  readonly #plan: SocketPlan;
  readonly #readable: ByteReadable;
  readonly #outgoing: Outgoing;
  readonly #opened = pending<SocketInfo>();
  readonly #closed = pending<void>();
  readonly #opening: Promise<Connection>;
  readonly #canceller = new AbortController();
  #connection: Connection | undefined;
  #deadline: CloseDeadline | undefined;
  /** Nothing is read any more: closed, or TLS was started. */
  #deaf = false;
  /** It is being closed, by `close()` or by the peer's end. */
  #closing: { reason: unknown } | undefined;
  #dead = false;
  #upgraded = false;

  static {
    makeSocket = (plan, dial) => new Socket(plan, dial);
  }

  private constructor(plan: SocketPlan, dial: Dial) {
    if (typeof dial !== "function") throw new TypeError("Illegal constructor");
    this.#plan = plan;
    quiet(this.#opened.promise);
    quiet(this.#closed.promise);
    this.#opening = quiet(this.#open(dial));
    this.#outgoing = new Outgoing(this.#opening, plan.highWaterMark, () => this.#deadline?.progress());
    this.#readable = new ByteReadable({
      read: (buffer) => this.#read((connection) => connection.read(buffer), null),
      next: () => this.#read((connection) => connection[Symbol.asyncIterator]().next(), DONE),
      cancel: () => void this.#opening.then((connection) => connection.readable.cancel()).catch(() => {}),
    });
  }

  /**
   * What the peer sends: a stream of bytes, which takes BYOB readers. Nothing
   * is read before somebody reads from it. Cancelling it throws away what still
   * comes, and does not close the socket.
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable.stream;
  }

  /**
   * What is sent. A chunk is a string (as UTF-8), an `ArrayBuffer` or a view
   * of one, and must not be changed before its write has resolved. Closing it
   * sends a FIN, and reading goes on; aborting it drops the connection.
   */
  get writable(): WritableStream<SocketChunk> {
    return this.#outgoing.stream;
  }

  /** Resolves when it is connected, with TLS when the peer is verified. Rejects with the error that `closed` rejects with. */
  get opened(): Promise<SocketInfo> {
    return this.#opened.promise;
  }

  /**
   * Resolves when the socket is closed: when `close()` has sent what was
   * written, when both ends have ended, when the end of `readable` was read
   * (unless `allowHalfOpen`), at an RST (reads and writes have the error), and
   * when TLS took over. Rejects with a `SocketError` when it could not be opened, when
   * bytes of ours may not have arrived, and when the peer died, which is told
   * though nobody reads.
   */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Whether `startTls()` was called. */
  get upgraded(): boolean {
    return this.#upgraded;
  }

  /** As in the options; `"on"` for what `startTls()` gave. */
  get secureTransport(): "off" | "on" | "starttls" {
    return this.#plan.secureTransport;
  }

  /**
   * Closes it: what was written is sent first, then a FIN. A read that waits
   * is done; what is written later rejects with `reason`, by default a
   * `SocketError` with `ECONNABORTED`. Before it is open, connecting is given
   * up, and `opened` rejects with that.
   *
   * @returns The promise that `closed` is.
   */
  close(reason?: unknown): Promise<void> {
    if (this.#closing !== undefined || this.#dead || this.#upgraded) return this.closed;
    const given = reason ?? this.#error("ECONNABORTED", "close");
    if (this.#connection === undefined) {
      this.#closing = { reason: given };
      this.#deaf = true;
      this.#closed.resolve();
      rejectQuietly(this.#opened, given);
      this.#canceller.abort(given);
    } else {
      this.#end(this.#connection, given, true);
    }
    this.#readable.finish();
    return this.closed;
  }

  /**
   * Starts TLS on a socket opened with `secureTransport: "starttls"`, behind
   * what was written. This socket is closed then; the new one is open when the
   * peer is verified. Members of `options` that are not known are ignored.
   *
   * @throws {SocketError} `ENOTSUP`: opened otherwise, or a second time. `ENOTCONN`: closed.
   */
  startTls(options?: StartTlsSocketOptions): Socket {
    const refusal = this.#whyNoTls();
    if (refusal) throw refusal;
    const plan = planStartTls(this.#plan, options);
    this.#upgraded = true;
    const handed = quiet(this.#handOver());
    const { timeout, signal } = plan.connect;
    return makeSocket(plan, async (own) => {
      const connection = await handed;
      return connection.startTls({
        ...plan.tls,
        timeout,
        signal: signal ? AbortSignal.any([own, signal]) : own,
      });
    });
  }

  async #open(dial: Dial): Promise<Connection> {
    try {
      const { allow, hostname, port } = this.#plan;
      if (allow && !allow({ hostname, port })) throw this.#error("EACCES", "connect");
      const connection = await dial(this.#canceller.signal);
      if (this.#closing !== undefined) {
        connection.abort();
        throw this.#closing.reason;
      }
      this.#connection = connection;
      this.#opened.resolve(infoOf(connection));
      connection.closed.then(() => this.#closed.resolve(), (error) => this.#died(error));
      return connection;
    } catch (error) {
      this.#notOpened(error);
      throw error;
    }
  }

  #notOpened(error: unknown): void {
    this.#dead = true;
    const reason = this.#closing ? this.#closing.reason : error;
    rejectQuietly(this.#opened, reason);
    rejectQuietly(this.#closed, reason);
    // The constructor may not have come so far.
    queueMicrotask(() => {
      this.#outgoing.fail(reason);
      if (this.#closing === undefined) this.#readable.fail(reason);
    });
  }

  async #read<T>(read: (connection: Connection) => Promise<T>, end: T): Promise<T> {
    if (this.#deaf) return end;
    let connection: Connection;
    try {
      connection = this.#connection ?? await this.#opening;
    } catch (error) {
      if (this.#deaf) return end;
      throw error;
    }
    if (this.#deaf) return end;
    const found = await read(connection);
    const ended = found === null || (found as { done?: boolean }).done === true;
    if (ended && !this.#plan.allowHalfOpen) {
      this.#end(connection, this.#error("EPIPE", "write"), false);
    }
    return found;
  }

  /** Sends what was written, then a FIN. */
  async #end(connection: Connection, reason: unknown, told: boolean): Promise<void> {
    if (this.#closing !== undefined || this.#dead || this.#upgraded) return;
    this.#closing = { reason };
    this.#deaf = true;
    this.#deadline = new CloseDeadline(this.#plan.closeTimeout, () => 0, () => this.#expire(connection));
    this.#deadline.start();
    await this.#outgoing.drain(reason);
    this.#deadline.stop();
    // With a pipe that ends because the peer did, the writable is closed by the pipe.
    if (told) this.#outgoing.fail(reason);
    quiet(connection.close());
    // What close() still waits for is the peer's end, which is nothing to us.
    connection.closeWrite().then(() => this.#closed.resolve(), (error) => this.#died(error));
  }

  /** `closeTimeout` has run out while chunks waited. */
  #expire(connection: Connection): void {
    const error = this.#error("ETIMEDOUT", "close");
    rejectQuietly(this.#closed, error);
    connection.abort(error);
  }

  #died(error: SocketError): void {
    this.#dead = true;
    this.#deadline?.stop();
    this.#outgoing.fail(error);
    const reset = error.code === "ECONNRESET" || error.code === "EPIPE";
    if (reset && this.#closing === undefined) this.#closed.resolve();
    else rejectQuietly(this.#closed, error);
  }

  #whyNoTls(): SocketError | undefined {
    const refusal = (reason: string) =>
      socketError("ENOTSUP", { op: "startTls", ...this.#where() }, undefined, reason);
    if (this.#plan.secureTransport === "on") return refusal("this is a TLS socket already");
    if (this.#plan.secureTransport === "off") return refusal('it takes secureTransport: "starttls"');
    if (this.#upgraded) return refusal("TLS was started already");
    if (this.#closing !== undefined || this.#dead) return this.#error("ENOTCONN", "startTls");
  }

  /** Gives the connection to TLS, behind what was written. */
  async #handOver(): Promise<Connection> {
    this.#deaf = true;
    this.#readable.finish();
    const connection = await this.#opening;
    const refusal = socketError("ENOTCONN", { op: "write", ...this.#where() }, undefined, "TLS was started");
    await this.#outgoing.drain(refusal);
    this.#outgoing.fail(refusal);
    StreamedConnection.withdrawReads(connection);
    this.#closed.resolve();
    return connection;
  }

  #where() {
    const { hostname, port } = this.#plan;
    const remoteAddress = this.#connection?.remoteAddress ?? { transport: "tcp", hostname, port } as const;
    return { localAddress: this.#connection?.localAddress, remoteAddress };
  }

  #error(code: SocketErrorCode, op: SocketOp): SocketError {
    return socketError(code, { op, ...this.#where() });
  }
}

/** A signal that aborts when one of the two does. */
export function either(own: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  return given ? AbortSignal.any([own, given]) : own;
}

const DONE: IteratorResult<Uint8Array> = { done: true, value: undefined };

function infoOf({ localAddress, remoteAddress, tls }: Connection): SocketInfo {
  return {
    remoteAddress: formatAddress(remoteAddress),
    localAddress: formatAddress(localAddress),
    alpn: tls?.alpnProtocol ?? null,
  };
}
