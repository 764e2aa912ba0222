/**
 * The reading half: bytes received and not yet read, and who waits for them.
 *
 * @module
 */
import { type Pending, pending, rejected, rejectQuietly } from "./promises.ts";
import type { Wire } from "./wire.ts";

/** What a reader is given: `number | null` for `read`, the other for an iterator. */
type Answer = number | null | IteratorResult<Uint8Array>;

/** One `read` that waits. Without a buffer it is an iterator's, and any chunk will do. */
interface Reader extends Pending<Answer> {
  buffer: Uint8Array | null;
  next: Reader | undefined;
}

/** What happens to bytes that arrive: kept up to the limit, all kept because the socket is dead, or thrown away. */
type Keeping = "limit" | "all" | "none";

const EMPTY = new Uint8Array(0);

/** Chunks below so many bytes are copied together. */
const SMALL = 1024;

/** Reads in their order, with a bounded read-ahead. */
export class ReadSide {
  readonly #wire: Wire;
  readonly #limit: number;
  readonly #onReached: () => void;
  readonly #onBlind: () => void;
  #chunks: Uint8Array[] = [];
  /** Index of the first chunk that is not read: shifting the array for each chunk would cost its length. */
  #first = 0;
  #size = 0;
  #block = EMPTY;
  #firstReader: Reader | undefined;
  #lastReader: Reader | undefined;
  #keeping: Keeping = "limit";
  #held = false;
  #seen = false;
  #reached = false;
  #failure: unknown;

  /**
   * @param onReached the peer's FIN is reached: every byte before it was read
   * @param onBlind it may have changed whether the runtime can tell of death
   */
  constructor(wire: Wire, limit: number, onReached: () => void, onBlind: () => void) {
    this.#wire = wire;
    this.#limit = limit;
    this.#onReached = onReached;
    this.#onBlind = onBlind;
  }

  /** Whether the peer's FIN came, be it behind bytes that nobody has read. */
  get seen(): boolean {
    return this.#seen;
  }

  /** Whether the peer's FIN came and every byte before it was read. */
  get reached(): boolean {
    return this.#reached;
  }

  /** Bytes that are here and that nobody has read. */
  get size(): number {
    return this.#size;
  }

  /** Whether somebody waits for bytes. */
  get waited(): boolean {
    return this.#firstReader !== undefined;
  }

  /** Whether no native read stands that could tell of death. */
  get blind(): boolean {
    return this.#seen || this.#held;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (!(buffer instanceof Uint8Array)) {
      return rejected(new TypeError("Cannot read: the buffer is not a Uint8Array"));
    }
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#firstReader === undefined) {
      if (this.#size > 0) return Promise.resolve(this.#take(buffer));
      if (this.#over) return this.#afterAll(buffer) as Promise<number | null>;
    }
    return this.#wait(buffer) as Promise<number | null>;
  }

  /** The next chunk, whatever its size. Made here as an iterator's result, for a promise derived from one would be unhandled. */
  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#firstReader === undefined) {
      if (this.#size > 0) return Promise.resolve(asResult(this.#takeChunk()));
      if (this.#over) return this.#afterAll(null) as Promise<IteratorResult<Uint8Array>>;
    }
    return this.#wait(null) as Promise<IteratorResult<Uint8Array>>;
  }

  /** Bytes went into the first reader's buffer. */
  filled(count: number): void {
    const reader = this.#shift();
    if (reader === undefined) return;
    reader.resolve(this.#keeping === "none" ? null : count);
    this.#goOn();
  }

  received(bytes: Uint8Array, borrowed: boolean): void {
    if (this.#keeping === "none") {
      this.#dismiss();
      return;
    }
    const reader = this.#firstReader;
    if (reader === undefined) {
      this.#append(bytes, borrowed);
    } else {
      this.#shift();
      const { buffer } = reader;
      if (buffer === null) {
        reader.resolve(asResult(borrowed ? bytes.slice() : bytes));
      } else if (bytes.length <= buffer.length) {
        buffer.set(bytes);
        reader.resolve(bytes.length);
      } else {
        buffer.set(bytes.subarray(0, buffer.length));
        this.#append(bytes.subarray(buffer.length), borrowed);
        reader.resolve(buffer.length);
        this.#serve();
      }
    }
    this.#goOn();
  }

  ended(): void {
    this.#seen = true;
    if (this.#size === 0 || this.#keeping === "none") this.#reach();
    else this.#onBlind();
  }

  /** From now on everything that comes is kept, because nothing more can come than the kernel has. */
  keepAll(): void {
    if (this.#keeping === "limit") this.#keeping = "all";
    this.#held = false;
    this.#wire.drain();
  }

  /** From now on everything is thrown away, up to the peer's FIN. Reads give `null`. */
  discard(): void {
    this.#keeping = "none";
    this.#clear();
    this.#held = false;
    this.#dismissIdle();
    if (!this.#seen) this.#wire.drain();
  }

  /** Reads that wait are given up, and get their end. */
  withdraw(): void {
    this.#dismissIdle();
    this.#goOn();
  }

  /** As {@link discard}, of a connection that lives on: the peer's FIN counts as reached as soon as it comes. */
  ignore(): void {
    this.discard();
    if (this.#seen) this.#reach();
    this.#onBlind();
  }

  /** After the bytes that are here, reads reject with `reason`. After a FIN that was reached they stay `null`. */
  fail(reason: unknown): void {
    this.#failure = reason;
    if (this.#keeping === "none" || this.#reached) {
      this.#dismiss();
      return;
    }
    for (let reader = this.#shift(); reader; reader = this.#shift()) rejectQuietly(reader, reason);
  }

  /** Reads reject with `reason` at once; bytes that are here are dropped. */
  drop(reason: unknown): void {
    this.#clear();
    if (this.#keeping !== "none") this.#reached = false;
    this.fail(reason);
  }

  /** The socket is gone in good order, and nothing will come any more: reads that wait give `null`. */
  finish(): void {
    this.#dismiss();
  }

  get #over(): boolean {
    return this.#reached || this.#keeping === "none" || this.#failure !== undefined;
  }

  #afterAll(buffer: Uint8Array | null): Promise<Answer> {
    if (this.#reached || this.#keeping === "none") return Promise.resolve(endFor(buffer));
    return rejected(this.#failure);
  }

  #wait(buffer: Uint8Array | null): Promise<Answer> {
    const reader = pending<Answer>() as Reader;
    reader.buffer = buffer;
    reader.next = undefined;
    if (this.#lastReader === undefined) {
      this.#firstReader = this.#lastReader = reader;
      this.#goOn();
    } else {
      this.#lastReader.next = reader;
      this.#lastReader = reader;
    }
    return reader.promise;
  }

  #shift(): Reader | undefined {
    const reader = this.#firstReader;
    if (reader !== undefined) {
      this.#firstReader = reader.next;
      if (reader.next === undefined) this.#lastReader = undefined;
      reader.next = undefined;
    }
    return reader;
  }

  /** Tells the wire what is wanted next. */
  #goOn(): void {
    if (this.#seen || this.#keeping !== "limit") return;
    const reader = this.#firstReader;
    const hold = reader === undefined && this.#size >= this.#limit;
    const changed = hold !== this.#held;
    this.#held = hold;
    if (reader !== undefined) this.#wire.pull(reader.buffer);
    else if (hold) this.#wire.hold();
    else this.#wire.standBy();
    if (changed) this.#onBlind();
  }

  /** Serves waiting readers from what is here. */
  #serve(): void {
    while (this.#size > 0 && this.#firstReader !== undefined) {
      const reader = this.#shift()!;
      reader.resolve(reader.buffer === null ? asResult(this.#takeChunk()) : this.#take(reader.buffer));
    }
  }

  /** Copies into `buffer` what is here. */
  #take(buffer: Uint8Array): number {
    let count = 0;
    while (count < buffer.length && this.#size > 0) {
      const chunk = this.#chunks[this.#first];
      const part = chunk.length > buffer.length - count ? chunk.subarray(0, buffer.length - count) : chunk;
      buffer.set(part, count);
      count += part.length;
      this.#size -= part.length;
      if (part === chunk) this.#advance();
      else this.#chunks[this.#first] = chunk.subarray(part.length);
    }
    this.#afterTake();
    return count;
  }

  #takeChunk(): Uint8Array {
    const chunk = this.#chunks[this.#first];
    this.#advance();
    this.#size -= chunk.length;
    this.#afterTake();
    return chunk;
  }

  #afterTake(): void {
    if (this.#held && this.#size < this.#limit) this.#goOn();
    if (this.#seen && this.#size === 0 && this.#failure === undefined) this.#reach();
  }

  #append(bytes: Uint8Array, borrowed: boolean): void {
    // Many small chunks are gathered in blocks: a peer that sends single bytes must not cost an object for each.
    if (bytes.length < SMALL && this.#size > 0) this.#gather(bytes);
    else this.#chunks.push(borrowed ? bytes.slice() : bytes);
    this.#size += bytes.length;
  }

  #gather(bytes: Uint8Array): void {
    const last = this.#chunks.length - 1;
    const tail = this.#chunks[last];
    const block = this.#block;
    const used = tail.byteOffset + tail.length;
    if (tail.buffer === block.buffer && block.length - used >= bytes.length) {
      block.set(bytes, used);
      this.#chunks[last] = block.subarray(tail.byteOffset, used + bytes.length);
    } else {
      this.#block = new Uint8Array(4 * SMALL);
      this.#block.set(bytes);
      this.#chunks.push(this.#block.subarray(0, bytes.length));
    }
  }

  #advance(): void {
    this.#first++;
    if (this.#first === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#first = 0;
    } else if (this.#first === 64) {
      this.#chunks.splice(0, 64);
      this.#first = 0;
    } else {
      this.#chunks[this.#first - 1] = EMPTY;
    }
  }

  #clear(): void {
    this.#chunks.length = 0;
    this.#first = 0;
    this.#size = 0;
  }

  #reach(): void {
    if (this.#reached) return;
    this.#reached = true;
    this.#held = false;
    this.#dismiss();
    this.#onReached();
  }

  #dismissIdle(): void {
    const filling = this.#wire.filling ? this.#shift() : undefined;
    this.#dismiss();
    // Its buffer is still being written into: it is given back when the native read lets it go.
    if (filling !== undefined) this.#firstReader = this.#lastReader = filling;
  }

  /** Readers that wait get the end. */
  #dismiss(): void {
    for (let reader = this.#shift(); reader; reader = this.#shift()) reader.resolve(endFor(reader.buffer));
  }
}

const asResult = (value: Uint8Array): IteratorResult<Uint8Array> => ({ done: false, value });

const endFor = (buffer: Uint8Array | null): Answer =>
  buffer === null ? { done: true, value: undefined } : null;
