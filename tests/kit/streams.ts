/**
 * Moving the seeded stream through connections of the library, and judging
 * what came.
 *
 * @module
 */
import type { Connection } from "../../mod.ts";
import { randomPieces, seededRandom, SeededStream, Sha256Stream } from "./bytes.ts";
import { sleep } from "./time.ts";

/** What came. */
export interface Came {
  bytes: number;
  sha256: string;
}

/** How a reader goes about it. */
export interface ReadingOptions {
  /** Stop after so many bytes; default: at the end of the stream. */
  bytes?: number;
  /** The reads' buffers have random sizes up to this. Default 200,000. */
  largest?: number;
  /** Rest for some milliseconds after each so many bytes. */
  restEvery?: number;
  seed?: string;
}

/** Milliseconds of each rest of a slow reader. */
const REST = 10;

/** Reads with buffers of random sizes. */
export async function readStream(connection: Connection, options: ReadingOptions = {}): Promise<Came> {
  const { bytes = Infinity, largest = 200_000, restEvery = Infinity, seed = "reader" } = options;
  const random = seededRandom(seed);
  const memory = new Uint8Array(largest);
  const came = new Sha256Stream();
  let rested = 0;
  while (came.bytes < bytes) {
    const size = Math.min(1 + Math.floor(random() * largest), bytes - came.bytes);
    const count = await connection.read(memory.subarray(0, size));
    if (count === null) break;
    came.update(memory.subarray(0, count));
    if (came.bytes - rested < restEvery) continue;
    rested = came.bytes;
    await sleep(REST);
  }
  return { bytes: came.bytes, sha256: came.digest() };
}

/** Reads by iteration, to the end. */
export async function readChunks(connection: Connection): Promise<Came> {
  const came = new Sha256Stream();
  for await (const chunk of connection) came.update(chunk);
  return { bytes: came.bytes, sha256: came.digest() };
}

/** Writes `bytes` of the seeded stream in pieces of random sizes, one after the other; gives their SHA-256. */
export async function writeStream(
  connection: Connection,
  seed: string,
  bytes: number,
  largest = 200_000,
): Promise<string> {
  const stream = new SeededStream(seed);
  for (const size of randomPieces(seed, bytes, 1, largest)) await connection.write(stream.take(size));
  return stream.digest();
}

/** Writes the same all at once, without waiting; gives the promises and the SHA-256. */
export function queueStream(
  connection: Connection,
  seed: string,
  bytes: number,
  largest = 200_000,
): { writes: Promise<void>[]; sha256: string } {
  const stream = new SeededStream(seed);
  const writes: Promise<void>[] = [];
  for (const size of randomPieces(seed, bytes, 1, largest)) writes.push(connection.write(stream.take(size)));
  return { writes, sha256: stream.digest() };
}
