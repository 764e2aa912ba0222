/**
 * What is written on a standard socket: before it is open, while it is, and
 * what is still to be sent when it is closed.
 *
 * @module
 */
import type { Connection } from "../types.ts";
import { type Pending, pending, quiet, rejectQuietly } from "../lifecycle/promises.ts";
import { writableOver } from "../streams/writable.ts";
import type { SocketChunk } from "./types.ts";

/** Bytes that are written at a time, so that progress is seen. */
const SLICE = 262_144;

const utf8 = new TextEncoder();

/** A `WritableStream` whose end can wait for what is in its queue: by itself it would drop that. */
export class Outgoing {
  readonly stream: WritableStream<SocketChunk>;
  readonly #opening: Promise<Connection>;
  readonly #onProgress: () => void;
  readonly #failed = pending<never>();
  #queued = 0;
  #begun = 0;
  #done = 0;
  /** How many chunks were queued when the end came, and what the others are refused with. */
  #last: { count: number; refusal: unknown; drained: Pending<void> } | undefined;
  #over = false;

  /** @param onProgress the kernel has taken something */
  constructor(opening: Promise<Connection>, highWaterMark: number | undefined, onProgress: () => void) {
    this.#opening = opening;
    this.#onProgress = onProgress;
    this.stream = writableOver<SocketChunk>({
      size: (chunk) => {
        this.#queued++;
        return sizeOf(chunk);
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#close(),
      abort: (reason) => this.#abort(reason),
      failed: quiet(this.#failed.promise),
    }, highWaterMark);
  }

  /** Resolves when what was written until now is with the kernel, or cannot be sent. What comes later is refused. */
  drain(refusal: unknown): Promise<void> {
    this.#last ??= { count: this.#queued, refusal, drained: pending<void>() };
    this.#look();
    return this.#last.drained.promise;
  }

  /** Nothing can be written any more. */
  fail(error: unknown): void {
    rejectQuietly(this.#failed, error);
    this.#settle();
  }

  async #write(chunk: SocketChunk): Promise<void> {
    const number = ++this.#begun;
    if (this.#last !== undefined && number > this.#last.count) throw this.#last.refusal;
    try {
      const bytes = bytesOf(chunk);
      const connection = await this.#opening;
      if (bytes.length <= SLICE) {
        await connection.write(bytes);
        this.#onProgress();
      } else {
        for (let at = 0; at < bytes.length; at += SLICE) {
          await connection.write(bytes.subarray(at, at + SLICE));
          this.#onProgress();
        }
      }
      this.#done++;
      this.#look();
    } catch (error) {
      this.#settle();
      throw error;
    }
  }

  async #close(): Promise<void> {
    this.#settle();
    await (await this.#opening).closeWrite();
  }

  #abort(reason: unknown): void {
    this.#settle();
    this.#opening.then((connection) => connection.abort(reason), () => {});
  }

  #look(): void {
    if (this.#last !== undefined && this.#done >= this.#last.count) this.#settle();
    else if (this.#over) this.#last?.drained.resolve();
  }

  #settle(): void {
    this.#over = true;
    this.#last?.drained.resolve();
  }
}

function sizeOf(chunk: SocketChunk): number {
  if (typeof chunk === "string") return chunk.length;
  // Anything else is refused by the write.
  return chunk instanceof ArrayBuffer || ArrayBuffer.isView(chunk) ? chunk.byteLength : 0;
}

function bytesOf(chunk: SocketChunk): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return utf8.encode(chunk);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError("Cannot write: expected a string, an ArrayBuffer or a view of one");
}
