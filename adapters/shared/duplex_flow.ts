/**
 * How bytes and ends go between a connection and the Node stream above it.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { Connection } from "../../core/types.ts";
import { socketError } from "../../core/socket_error.ts";
import { cut, farewell } from "./duplex_parts.ts";
import { IdleClock } from "./idle_clock.ts";
import type { Builtins } from "./node_builtins.ts";

/** A write or an end whose answer the stream waits for. */
export type Done = (error?: Error | null) => void;

/** Milliseconds: a reader that takes nothing for so long does not hold back an error. */
const READER_REST = 1_000;
const LOOK_AGAIN = 10;

/** The flow of one stream, from before it has a connection. */
export class DuplexFlow {
  readonly clock: IdleClock;
  bytesRead = 0;
  /** Bytes that the kernel has. */
  bytesSent = 0;
  readonly #stream: Duplex;
  readonly #node: Builtins;
  readonly #onSent: () => void;
  #connection: Connection | undefined;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  /** The stream has asked for bytes, and has not got them. */
  #asked = false;
  #reading = false;
  /** What is to be sent when there is a connection, and who waits for that. */
  #waiting: { send: () => void; done: Done } | undefined;
  /** A write or end that failed: its answer comes after what was received. */
  #failed: Done | undefined;
  /** Why the connection is dead. */
  #death: Error | undefined;
  /** It died after both sides had said all they had to say. */
  #mute = false;

  /** @param onSent a write is with the kernel */
  constructor(stream: Duplex, node: Builtins, onSent: () => void) {
    this.#stream = stream;
    this.#node = node;
    this.#onSent = onSent;
    this.clock = new IdleClock(node.timers, () => stream.emit("timeout"));
  }

  /** From now on there is a connection. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#chunks = connection[Symbol.asyncIterator]();
    connection.closed.catch((error) => this.#die(error));
    this.clock.touch();
    // As net.Socket does, so that an end is noticed without a reader; later, so that whoever made the stream can pause it.
    this.#node.timers.setImmediate(() => {
      if (!this.#stream.destroyed && !this.#stream.isPaused()) this.#stream.read(0);
    });
  }

  /** Does what was asked for before there was a connection. */
  start(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.send();
    if (this.#asked) this.read();
  }

  read(): void {
    this.#asked = true;
    if (!this.#reading && !this.#stream.destroyed) this.#pull();
  }

  write(chunks: Uint8Array[], done: Done): void {
    const connection = this.#connection;
    if (!connection) {
      this.#waiting = { send: () => this.write(chunks, done), done };
      return;
    }
    const touch = () => this.clock.touch();
    touch();
    let last: Promise<void> | undefined;
    let bytes = 0;
    for (const piece of cut(chunks)) {
      bytes += piece.length;
      last?.then(touch, ignore);
      last = connection.write(piece);
    }
    last!.then(() => this.#sent(bytes, done), (error) => this.#fail(error, done)); // a write has at least one chunk
  }

  finish(done: Done): void {
    const connection = this.#connection;
    if (!connection) {
      this.#waiting = { send: () => this.finish(done), done };
      return;
    }
    connection.closeWrite().then(
      () => done(),
      (error) => this.#mute ? done() : this.#fail(error, done),
    );
  }

  /** The stream is destroyed. A connection that has failed or ended takes no notice. */
  destroy(error: Error | null, done: Done): void {
    this.clock.stop();
    if (this.#connection) {
      if (error) this.#connection.abort(error);
      else farewell(this.#connection, this.#node);
    }
    done(error);
    const reason = error ?? this.#death ?? socketError("ECONNABORTED", { op: "write" });
    this.#failed?.(reason);
    this.#waiting?.done(reason);
    this.#failed = this.#waiting = undefined;
  }

  #pull(): void {
    if (!this.#chunks) return;
    this.#reading = true;
    this.#chunks.next().then(({ done, value }) => {
      this.#reading = false;
      if (!this.#stream.destroyed) this.#take(done ? null : value);
    }, (error) => this.#bury(error, this.#stream.readableLength, 0));
  }

  #take(chunk: Uint8Array | null): void {
    const stream = this.#stream;
    this.#asked = false;
    this.clock.touch();
    if (chunk === null) {
      if (this.#death) return this.#bury(this.#death, stream.readableLength, 0);
      stream.push(null);
      // As net.Socket does: 'end' is told without a reader when nothing is left to read.
      stream.read(0);
      return;
    }
    this.bytesRead += chunk.length;
    stream.push(this.#node.buffer.Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    // What a dead connection has received is little, and is all taken.
    if (this.#death && !this.#reading && !stream.destroyed) this.#pull();
  }

  #sent(bytes: number, done: Done): void {
    this.bytesSent += bytes;
    this.clock.touch();
    done();
    this.#onSent();
  }

  /** A write or an end failed. If the connection is dead, what was received comes first. */
  #fail(error: Error, done: Done): void {
    if (this.#stream.destroyed) return done(error);
    if (this.#mute) return done(error);
    this.#failed = done;
    this.#connection!.closed.then(() => { // only a connection fails
      this.#failed = undefined;
      done(error);
    }, ignore);
  }

  #die(error: Error & { code?: string }): void {
    const { destroyed, writableEnded, writableLength, allowHalfOpen } = this.#stream;
    if (destroyed) return;
    // EPIPE: the peer had ended. A peer that closes at once resets what comes then, our FIN or TLS's goodbye too.
    // net.Socket takes no notice of that unless a write fails: it is about to end, or has.
    this.#mute = error.code === "EPIPE" && writableLength === 0 && (writableEnded || !allowHalfOpen);
    if (this.#mute) {
      this.#failed?.();
      this.#failed = undefined;
      return;
    }
    this.#death = error;
    if (!this.#reading) this.#pull();
  }

  /** Everything received is in the stream: what is not taken is waited for, as long as it gets less. */
  #bury(error: Error, left: number, rested: number): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    const length = stream.readableLength;
    if (length === 0 || stream.readableFlowing === null || rested >= READER_REST) {
      stream.destroy(error);
      return;
    }
    const rest = length < left ? 0 : rested + LOOK_AGAIN;
    this.#node.timers.setTimeout(() => this.#bury(error, length, rest), LOOK_AGAIN);
  }
}

const ignore = () => {};
