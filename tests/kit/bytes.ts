/**
 * Bytes to send and to judge: the seeded stream the scripted peer has too
 * (`tests/oracle/stream.py`), hashes, and random sizes that repeat by seed.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";

const BLOCK = 65_536;

/** Hexadecimal SHA-256 of `data`. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 and the number of bytes of what passes by. */
export class Sha256Stream {
  #hash: Hash = createHash("sha256");
  /** Bytes so far. */
  bytes = 0;

  update(data: Uint8Array): void {
    this.#hash.update(data);
    this.bytes += data.length;
  }

  /** The digest; nothing can be added afterwards. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}

/**
 * The seeded stream: any part of it can be made by both ends. Each block of
 * 64 KiB begins with its number, so that a lost or repeated block shows.
 */
export class SeededStream {
  #block = new Uint8Array(BLOCK);
  #at = BLOCK;
  #number = 0;
  #hash = new Sha256Stream();

  constructor(seed: string) {
    // The first 8 of the hashed bytes are left out: the block's number stands there.
    const body = new Uint8Array(BLOCK);
    for (let counter = 0; counter < BLOCK / 32; counter++) {
      body.set(
        createHash("sha256").update(`${seed}:${counter}`).digest(),
        counter * 32,
      );
    }
    this.#block.set(body.subarray(8), 8);
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#hash.bytes;
  }

  /** The next `length` bytes, in memory of their own. */
  take(length: number): Uint8Array {
    const taken = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (this.#at === BLOCK) this.#nextBlock();
      const part = this.#block.subarray(this.#at, this.#at + length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    this.#hash.update(taken);
    return taken;
  }

  /** SHA-256 of all that was taken; nothing can be taken afterwards. */
  digest(): string {
    return this.#hash.digest();
  }

  #nextBlock(): void {
    new DataView(this.#block.buffer).setBigUint64(
      0,
      BigInt(this.#number++),
      true,
    );
    this.#at = 0;
  }
}

/** SHA-256 of the first `length` bytes of the stream of `seed`. */
export function seededSha256(seed: string, length: number): string {
  const stream = new SeededStream(seed);
  for (let left = length; left > 0; left -= BLOCK) {
    stream.take(Math.min(left, BLOCK));
  }
  return stream.digest();
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: string): () => number {
  let state = Number.parseInt(sha256(seed).slice(0, 8), 16);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Sizes between `low` and `high` that add up to `total`. */
export function* randomPieces(
  seed: string,
  total: number,
  low = 1,
  high = 200_000,
): Generator<number> {
  const random = seededRandom(seed);
  for (let left = total; left > 0;) {
    const size = Math.min(left, low + Math.floor(random() * (high - low + 1)));
    yield size;
    left -= size;
  }
}
