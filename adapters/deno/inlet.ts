/**
 * What a native read of a connection writes into. A pending read keeps its
 * memory, and cannot be called back when the connection is closed: it goes
 * into a caller's buffer only when it will not wait.
 *
 * @module
 */
import type { Descriptor } from "../shared/descriptor.ts";

/** Of a read that stands while nobody reads: a connection that is idle holds no more. */
const RESTING = 512;

/** Of a read that waits for bytes. */
const WAITING = 16_384;

/** Of a read that takes all there is, to throw it away. */
const DRAINING = 65_536;

/** A read that brought so much is followed by more at once, most likely. */
const BULK = 16_384;

/** Of a chunk in bulk flow, for a reader without a buffer. */
const CHUNK = 65_536;
const LARGEST_CHUNK = 262_144;

const NOTHING = new Uint8Array(0);

/** The memory of one connection's reads. */
export class Inlet {
  #scratch = NOTHING;
  #size = RESTING;
  #limit = WAITING;
  #chunk: Uint8Array | undefined;
  #chunkSize = CHUNK;
  #bulk = false;

  /**
   * Chooses for the next read.
   *
   * @param buffer the reader's; `null` when it takes any chunk, `undefined` when there is no reader
   * @param descriptor tells whether there are bytes; without it the last read tells
   */
  choose(buffer: Uint8Array | null | undefined, descriptor: Descriptor | undefined): Uint8Array {
    if (
      this.#bulk && buffer !== undefined && (buffer === null || buffer.length >= BULK) &&
      (!descriptor || descriptor.hasInput())
    ) {
      return buffer ?? (this.#chunk ??= new Uint8Array(this.#chunkSize));
    }
    if (this.#scratch.length < this.#size) this.#scratch = new Uint8Array(this.#size);
    return this.#scratch;
  }

  /** A read has brought `count` bytes into what was chosen. Whether that will be used again. */
  took(chosen: Uint8Array, count: number): boolean {
    this.#bulk = count >= BULK;
    if (chosen === this.#scratch) {
      if (count === chosen.length) this.#size = Math.min(count * 8, this.#limit);
      return true;
    }
    // What is handed out stays in memory as a whole, however little of it is filled.
    if (chosen !== this.#chunk || count <= chosen.length / 2) return true;
    this.#chunk = undefined;
    if (count === chosen.length) this.#chunkSize = LARGEST_CHUNK;
    return false;
  }

  /** Nobody reads: gives back what a read that stands does not need. */
  rest(): void {
    this.#scratch = NOTHING;
    this.#chunk = undefined;
    this.#size = RESTING;
    this.#bulk = false;
  }

  /** From now on all is read, to the end. */
  open(): void {
    this.#limit = DRAINING;
  }
}
