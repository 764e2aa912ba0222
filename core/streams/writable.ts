/**
 * A writable stream over writes: a chunk counts as written when the kernel has
 * it, and what waits is counted in bytes.
 *
 * @module
 */

/** Bytes that may wait before `ready` does. */
const HIGH_WATER_MARK = 65_536;

/** Where the chunks of a writable stream go. */
export interface ChunkSink<Chunk> {
  /** Bytes of a chunk, as far as they are known; must not throw. */
  size(chunk: Chunk): number;
  /** Resolves when the kernel has all of it; rejects with a `TypeError` when it is no chunk. */
  write(chunk: Chunk): Promise<void>;
  /** Everything is written, and nothing will be any more. */
  close(): Promise<void>;
  /** Drops what is being written. May be called twice. */
  abort(reason: unknown): void;
  /** Rejects when nothing can be written any more, whoever ended it. */
  failed: Promise<unknown>;
}

/** Makes the stream. `highWaterMark` is in bytes, default 65,536. */
export function writableOver<Chunk>(
  sink: ChunkSink<Chunk>,
  highWaterMark: number = HIGH_WATER_MARK,
): WritableStream<Chunk> {
  return new WritableStream<Chunk>({
    start(controller) {
      sink.failed.catch((error) => controller.error(error));
      // The stream itself tells the sink only when the write in progress is done, which may be never.
      const { signal } = controller;
      signal.addEventListener("abort", () => sink.abort(signal.reason));
    },
    write: (chunk) => sink.write(chunk),
    close: () => sink.close(),
    abort: (reason) => sink.abort(reason),
  }, { highWaterMark, size: (chunk) => sink.size(chunk) });
}
