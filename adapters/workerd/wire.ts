/**
 * A socket of `cloudflare:sockets`, as the rules of a connection's life use it.
 *
 * @module
 */
import type { Side, Sink } from "../../core/lifecycle/wire.ts";
import { type FailureContext, socketError } from "../../core/socket_error.ts";
import { BaseWire, type Grip } from "../shared/base_wire.ts";
import type { WorkerdReader, WorkerdSocket, WorkerdWriter } from "./host.ts";

/** Of a read until one has filled it: a connection that is idle holds no more. */
const RESTING = 4_096;

/** Of a read in bulk flow. */
const BULK = 65_536;

/**
 * What is handed to workerd at a time: what it has cannot be taken back, not
 * even by closing the socket.
 */
const PIECE = 65_536;

/** A socket of `cloudflare:sockets` as a wire. */
export class WorkerdWire extends BaseWire<WorkerdSocket> {
  readonly filling = false;
  /** Our end is sent. */
  protected finished = false;
  readonly #grip: Grip<WorkerdSocket>;
  readonly #reader: WorkerdReader;
  readonly #writer: WorkerdWriter;
  readonly #onRead = (read: { done: boolean; value?: Uint8Array }): void => this.#take(read);
  readonly #onReadFailed = (cause: unknown): void => this.fail(cause, "read");
  readonly #onWritten = (): void => this.#wrote();
  readonly #onWriteFailed = (cause: unknown): void => this.fail(cause, "write");
  /** A read takes its memory away and gives it back: it cannot go into the buffer of a caller. */
  #memory: ArrayBufferLike = new ArrayBuffer(RESTING);
  #mode: "read" | "hold" | "drain" = "hold";
  #reading = false;
  /** No read can bring anything any more. */
  #ended = false;
  #data: Uint8Array | undefined;
  /** Bytes of it that workerd has been given. */
  #given = 0;
  #gone = false;

  constructor(grip: Grip<WorkerdSocket>, sink: Sink) {
    super(grip, sink);
    this.#grip = grip;
    this.#reader = grip.native.readable.getReader({ mode: "byob" });
    this.#writer = grip.native.writable.getWriter();
  }

  pull(_buffer: Uint8Array | null): void {
    this.#mode = "read";
    this.#read();
  }

  standBy(): void {
    this.#mode = "read";
    this.#read();
  }

  hold(): void {
    this.#mode = "hold";
  }

  drain(): void {
    this.#mode = "drain";
    this.#read();
  }

  send(data: Uint8Array): boolean {
    this.#data = data;
    this.#given = 0;
    this.#give();
    return false;
  }

  unsent(): number {
    return 0;
  }

  finish(): void {
    this.#writer.close().then(() => {
      if (this.#gone) return;
      this.finished = true;
      this.sink.finished();
    }, this.#onWriteFailed);
  }

  /** Gives the two streams up, for TLS; nothing may be under way. */
  release(): void {
    this.#gone = true;
    this.#reader.releaseLock();
    this.#writer.releaseLock();
  }

  close(): void {
    this.#gone = true;
    close(this.native);
  }

  reset(): void {
    // Not by the writer's abort(): after it the socket stays open, and close() finds nothing to close (1.20261117.1).
    this.close();
  }

  setNoDelay(on: boolean): void {
    if (!on) throw delayRefused({ ...this.#grip.context, op: "setNoDelay" });
  }

  ref(): void {
    // A Worker lives as long as its request.
  }

  unref(): void {
    // As above.
  }

  #read(): void {
    if (this.#reading || this.#ended || this.#gone) return;
    this.#reading = true;
    this.#reader.read(new Uint8Array(this.#memory)).then(this.#onRead, this.#onReadFailed);
  }

  #take({ done, value }: { done: boolean; value?: Uint8Array }): void {
    if (this.#gone) return;
    if (done || !value) {
      this.#reading = false;
      this.#ended = true;
      return this.sink.ended();
    }
    // `#reading` stays while the memory is in use.
    this.sink.received(value, true);
    const full = value.length === value.buffer.byteLength && value.length < BULK;
    this.#memory = full ? new ArrayBuffer(BULK) : value.buffer;
    this.#reading = false;
    if (this.#mode !== "hold") this.#read();
  }

  #give(): void {
    const piece = this.#data!.subarray(this.#given, this.#given + PIECE); // set as long as a send is in progress
    this.#given += piece.length;
    this.#writer.write(piece).then(this.#onWritten, this.#onWriteFailed);
  }

  #wrote(): void {
    if (this.#gone) return;
    if (this.#given < this.#data!.length) {
      this.sink.progress();
      return this.#give();
    }
    this.#data = undefined;
    this.sink.sent();
  }

  /** Tells of a failure. */
  protected fail(cause: unknown, side: Side): void {
    if (this.#gone) return;
    if (side === "write") {
      this.#data = undefined;
    } else {
      this.#reading = false;
      this.#ended = true;
    }
    this.sink.failed(cause, side);
  }
}

export const ignore = (): void => {};

/** Closes the socket, when workerd has sent what it was given. */
export function close(socket: WorkerdSocket): void {
  socket.close().catch(ignore);
}

/** The error for Nagle's algorithm, which workerd turns off for each socket. */
export function delayRefused(context: FailureContext): Error {
  return socketError("ENOTSUP", context, undefined, "workerd keeps TCP_NODELAY on; leave noDelay out");
}
