/**
 * What the `streams*` files do with `readable` and `writable`, and what came
 * by them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { randomPieces, seededRandom, SeededStream, Sha256Stream } from "../kit/bytes.ts";
import type { Came } from "../kit/streams.ts";
import { sleep } from "../kit/time.ts";

/** Milliseconds of each rest of a slow reader. */
const REST = 10;

/** How a stream is read. */
export type Reading = "default" | "byob" | "loop";

/** What is common to the readers. */
export interface StreamReading {
  /** Stop after so many bytes; default: at the end of the stream. */
  bytes?: number;
  /** Rest for some milliseconds after each so many bytes. */
  restEvery?: number;
}

/** Reads `readable` by a reader of the kind; the lock is released afterwards. */
export async function readBy(
  how: Reading,
  { readable }: Pick<Connection, "readable">,
  { bytes = Infinity, restEvery = Infinity }: StreamReading = {},
): Promise<Came> {
  const came = new Sha256Stream();
  let rested = 0;
  for await (const chunk of chunksBy(how, readable, () => bytes - came.bytes)) {
    came.update(chunk);
    if (came.bytes >= bytes) break;
    if (came.bytes - rested < restEvery) continue;
    rested = came.bytes;
    await sleep(REST);
  }
  return { bytes: came.bytes, sha256: came.digest() };
}

/** `left` bounds what a reader asks for that says how much it wants. */
async function* chunksBy(
  how: Reading,
  readable: ReadableStream<Uint8Array>,
  left: () => number,
): AsyncGenerator<Uint8Array> {
  if (how === "loop") return yield* readable.values({ preventCancel: true });
  if (how === "byob") return yield* byobChunks(readable, left);
  const reader = readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

/** With one buffer of 200,000 bytes that is handed over and back, filled in parts of random sizes. */
async function* byobChunks(
  readable: ReadableStream<Uint8Array>,
  left: () => number,
): AsyncGenerator<Uint8Array> {
  const reader = readable.getReader({ mode: "byob" });
  const random = seededRandom("byob");
  const size = 200_000;
  let memory = new ArrayBuffer(size);
  try {
    for (;;) {
      const from = Math.floor(random() * 1_000);
      const length = Math.min(1 + Math.floor(random() * (size - from)), left());
      const { done, value } = await reader.read(new Uint8Array(memory, from, length));
      if (done) {
        assertEquals(value?.byteLength, 0, "a BYOB read at the end");
        return;
      }
      assert(value.length > 0, "a read gave nothing");
      assertEquals([value.byteOffset, value.buffer.byteLength], [from, size], "the buffer given back");
      yield value;
      memory = value.buffer as ArrayBuffer; // the one that was given
    }
  } finally {
    reader.releaseLock();
  }
}

/** Writes `bytes` of the seeded stream by a writer, each chunk when there is room for it; gives their SHA-256. */
export async function writeBy(
  { writable }: Pick<Connection, "writable">,
  seed: string,
  bytes: number,
  largest = 200_000,
): Promise<string> {
  const stream = new SeededStream(seed);
  const writer = writable.getWriter();
  for (const size of randomPieces(seed, bytes, 1, largest)) {
    await writer.ready;
    // Without waiting: an error comes by ready and by close.
    writer.write(stream.take(size)).catch(() => {});
  }
  await writer.close();
  return stream.digest();
}
