/**
 * The rules of a connection's life, the same on every runtime: what is read
 * and written, how it ends, and that the first failure is the only one.
 *
 * @module
 */
import type { Address, Connection } from "../types.ts";
import type { SocketError, SocketErrorCode, SocketOp } from "../errors.ts";
import { socketError, toSocketError } from "../socket_error.ts";
import { CloseDeadline } from "./close_deadline.ts";
import { type Pending, pending, rejected, rejectQuietly } from "./promises.ts";
import { ReadSide } from "./read_side.ts";
import { type Ends, type LifecycleOptions, Settings } from "./settings.ts";
import { WriteSide } from "./write_side.ts";
import type { Side, Sink, Wire } from "./wire.ts";

export type { Ends, LifecycleOptions } from "./settings.ts";

type Above = "readable" | "writable" | "tls" | "startTls";

/** How long a socket whose write failed may take to give up what it received. It is dead, so it takes no time at all. */
const DRAIN_LIMIT = 1_000;

/** A connection over any {@link Wire}, without what the layers above add. */
export class Lifecycle extends Settings implements Omit<Connection, Above>, Sink {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** For errors. */
  protected readonly ends: Ends;
  readonly #wire: Wire;
  #allowHalfOpen: boolean;
  readonly #closeTimeout: number;
  readonly #reading: ReadSide;
  readonly #writing: WriteSide;
  /** Made when somebody asks for it. */
  #closed: Pending<void> | undefined;
  #closing: Pending<void> | undefined;
  #deadline: CloseDeadline | undefined;
  /** The latch: the error of every operation from here on. */
  #failure: SocketError | undefined;
  /** A write's EPIPE, kept back until the read side has said what really happened. */
  #suspect: SocketError | undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #watched = false;
  /** The native socket is closed. */
  #gone = false;

  constructor(options: LifecycleOptions, ends: Ends, open: (sink: Sink) => Wire) {
    super();
    this.#allowHalfOpen = options.allowHalfOpen;
    this.#closeTimeout = options.closeTimeout;
    this.ends = ends;
    this.localAddress = ends.localAddress;
    this.remoteAddress = ends.remoteAddress;
    this.#wire = open(this);
    this.#reading = new ReadSide(
      this.#wire,
      options.readAhead,
      () => this.#finReached(),
      () => this.#watch(),
    );
    this.#writing = new WriteSide(this.#wire, () => this.#finSent());
    this.#wire.standBy();
  }

  get native(): unknown {
    return this.#wire.native;
  }

  get closed(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = pending<void>();
      this.#tellClosed();
    }
    return this.#closed.promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#reading.read(buffer);
  }

  write(data: Uint8Array): Promise<void> {
    if (!(data instanceof Uint8Array)) {
      return rejected(new TypeError("Cannot write: the data is not a Uint8Array"));
    }
    if (this.#failure !== undefined) return rejected(this.#failure);
    if (this.#writing.ending || this.#gone) return rejected(this.#error("EPIPE", "write"));
    return this.#writing.write(data);
  }

  closeWrite(): Promise<void> {
    if (this.#failure !== undefined) return rejected(this.#failure);
    return this.#writing.finish();
  }

  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise;
    this.#closing = pending<void>();
    if (this.#gone || this.#failure !== undefined) {
      this.#closing.resolve();
    } else {
      this.#deadline = new CloseDeadline(
        this.#closeTimeout,
        () => this.#wire.unsent(),
        () => this.#expire(),
      );
      this.#reading.discard();
      this.#writing.finish();
      this.#deadline?.start();
      if (this.#writing.finished && this.#reading.seen) this.#finish();
    }
    return this.#closing.promise;
  }

  abort(reason?: unknown): void {
    if (this.#gone || this.#failure !== undefined) return;
    const error = this.#error("ECONNABORTED", "abort", reason);
    if (this.#closing !== undefined) rejectQuietly(this.#closing, error);
    this.#latch(error);
    this.#reading.drop(error);
    this.#leave(() => this.#wire.reset());
  }

  /** A layer that has a queue of its own sends our FIN, behind that queue. Gives what `allowHalfOpen` was. */
  leaveEnding(): boolean {
    const before = this.#allowHalfOpen;
    this.#allowHalfOpen = true;
    return before;
  }

  ref(): void {
    if (!this.#gone) this.#wire.ref();
  }

  unref(): void {
    if (!this.#gone) this.#wire.unref();
  }

  /** Leaving the loop early leaves the connection as it is. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.next() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  filled(count: number): void {
    this.#reading.filled(count);
  }

  received(bytes: Uint8Array, borrowed: boolean): void {
    this.#reading.received(bytes, borrowed);
  }

  ended(): void {
    if (this.#gone) return;
    if (this.#failure !== undefined) {
      this.#buried();
    } else if (this.#suspect !== undefined) {
      this.#reading.ended();
      this.#die(this.#suspect);
    } else {
      this.#reading.ended();
    }
  }

  sent(): void {
    this.#deadline?.progress();
    this.#writing.sent();
  }

  progress(): void {
    this.#deadline?.progress();
  }

  finished(): void {
    if (!this.#gone && this.#failure === undefined) this.#writing.finSent();
  }

  failed(cause: unknown, side: Side): void {
    if (this.#gone) return;
    if (this.#failure !== undefined) {
      if (side === "read") this.#buried();
      return;
    }
    const error = this.#explain(cause, side);
    if (side === "read") {
      this.#die(error);
    } else if (error.code === "EPIPE" && !this.#reading.seen) {
      // EPIPE says no more than that the connection is gone; the read side knows why.
      this.#suspect = error;
      this.#drain();
    } else if (this.#reading.seen) {
      this.#die(error);
    } else {
      this.#latch(error);
      this.#drain();
    }
  }

  died(): void {
    if (this.#gone || this.#failure !== undefined) return;
    if (!this.#reading.seen) {
      this.#reading.keepAll();
      return;
    }
    const code = this.#wire.diagnose();
    if (code !== undefined) this.#die(this.#error(code, "read"));
  }

  /** What the runtime reports, as our own error. */
  #explain(cause: unknown, op: SocketOp): SocketError {
    const error = toSocketError(cause, { ...this.ends, op });
    // After a FIN that was reached, a reset concerns only what we write: the kernel says EPIPE then, some runtimes do not.
    if (error.code === "ECONNRESET" && this.#reading.reached) {
      return this.#error("EPIPE", op, cause);
    }
    return error;
  }

  /** The socket is dead, and its read side has nothing more. */
  #die(error: SocketError): void {
    this.#latch(error);
    this.#buried();
  }

  /** Keeps `error` as the only one, and tells everybody but the readers, who first get what was received. */
  #latch(error: SocketError): void {
    this.#failure = error;
    this.#deadline?.stop();
    const unfinished = this.#writing.unfinished;
    this.#writing.fail(error);
    this.#tellClosed();
    if (this.#closing === undefined) return;
    if (unfinished) rejectQuietly(this.#closing, error);
    else this.#closing.resolve();
  }

  /** Settles `closed` as soon as it is known how the connection ended. */
  #tellClosed(): void {
    if (this.#closed === undefined) return;
    if (this.#failure !== undefined) rejectQuietly(this.#closed, this.#failure);
    else if (this.#gone) this.#closed.resolve();
  }

  /** Takes what the kernel has received of a connection whose write failed. */
  #drain(): void {
    this.#drainTimer ??= setTimeout(() => {
      if (this.#failure === undefined && this.#suspect !== undefined) this.#latch(this.#suspect);
      this.#buried();
    }, DRAIN_LIMIT);
    this.#reading.keepAll();
  }

  /** After the latch: the read side has ended too. */
  #buried(): void {
    if (this.#gone) return;
    this.#reading.fail(this.#failure);
    this.#leave(() => this.#wire.close());
  }

  #finReached(): void {
    if (this.#gone || this.#failure !== undefined || this.#suspect !== undefined) return;
    if (this.#writing.finished) {
      this.#finish();
    } else {
      // An RST may be right behind the FIN: something we wrote was not taken any more. A FIN of ours would hide that.
      if (this.localAddress.transport === "tcp" && !this.#writing.ending) this.died();
      if (!this.#allowHalfOpen) this.#writing.finish();
      this.#watch();
    }
  }

  #finSent(): void {
    this.#deadline?.progress();
    if (this.#reading.reached || (this.#closing !== undefined && this.#reading.seen)) {
      this.#finish();
    }
  }

  /** Both FINs are through. */
  #finish(): void {
    if (this.#gone) return;
    this.#leave(() => this.#wire.close());
    this.#reading.finish();
    this.#tellClosed();
    this.#closing?.resolve();
  }

  /** `closeTimeout` has run out. */
  #expire(): void {
    if (this.#gone) return;
    const lost = this.#writing.unsent || this.#wire.unacknowledged() === true;
    if (lost) {
      const error = this.#error("ETIMEDOUT", "close");
      this.#failure = error;
      this.#writing.fail(error);
      if (this.#closing !== undefined) rejectQuietly(this.#closing, error);
    }
    this.#leave(() => this.#wire.reset());
    this.#writing.finSent();
    this.#reading.finish();
    this.#tellClosed();
    this.#closing?.resolve();
  }

  /** Lets go of the socket. */
  #leave(end: () => void): void {
    this.#gone = true;
    this.#deadline?.stop();
    clearTimeout(this.#drainTimer);
    if (this.#watched) this.#wire.watch(false);
    this.#watched = false;
    end();
  }

  /** Has the wire watched while no read stands that could tell of death. */
  #watch(): void {
    const on = !this.#gone && this.#failure === undefined && this.#reading.blind;
    if (on === this.#watched) return;
    this.#watched = on;
    this.#wire.watch(on);
  }

  protected next(): Promise<IteratorResult<Uint8Array>> {
    return this.#reading.next();
  }

  /** Nobody wants what still comes: it is thrown away, and reads give `null`. The connection ends as it would have. */
  protected ignoreRest(): void {
    if (!this.#gone && this.#failure === undefined) this.#reading.ignore();
  }

  /** For the layers above: what may be under way, and the latch. */
  protected get inside(): { reading: ReadSide; writing: WriteSide; failure?: SocketError } {
    return { reading: this.#reading, writing: this.#writing, failure: this.#failure };
  }

  protected override openWire(op: SocketOp): Wire {
    if (this.#gone || this.#failure !== undefined) {
      throw this.#error("ENOTCONN", op, this.#failure);
    }
    return this.#wire;
  }

  #error(code: SocketErrorCode, op: SocketOp, cause?: unknown): SocketError {
    return socketError(code, { ...this.ends, op }, cause);
  }
}
