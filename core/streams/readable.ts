/**
 * A byte stream over reads: nothing is read before somebody wants it, so that
 * back pressure is exact, and no byte lies in the stream when it is let go.
 *
 * @module
 */

/** Where the bytes of a {@link ByteReadable} come from. */
export interface ByteSource {
  /** As `Connection.read`. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** The next chunk, whatever its size, in memory that nobody else has. */
  next(): Promise<IteratorResult<Uint8Array>>;
  /** Nobody wants what still comes. */
  cancel(reason: unknown): void;
}

/** A `ReadableStream` of bytes, and whether it has a part of them. */
export class ByteReadable {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #source: ByteSource;
  #controller!: ReadableByteStreamController; // start() is called by the stream's constructor
  #pulling = false;
  /** Closed, failed or cancelled. */
  #over = false;

  constructor(source: ByteSource) {
    this.#source = source;
    this.stream = new ReadableStream({
      type: "bytes",
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => this.#pull(controller),
      cancel: (reason) => {
        this.#over = true;
        source.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Whether bytes taken from elsewhere would be out of order: somebody reads, or has let go while a read was pending. */
  get busy(): boolean {
    if (this.stream.locked || this.#pulling) return true;
    return (this.#controller.desiredSize ?? 0) < 0;
  }

  /** Nothing is to be read any more. A read that waits is answered by the source. */
  finish(): void {
    if (!this.#over && !this.#pulling) this.#end(this.#controller);
  }

  /** Nothing can be read any more. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller.error(error);
  }

  async #pull(controller: ReadableByteStreamController): Promise<void> {
    this.#pulling = true;
    try {
      const request = controller.byobRequest;
      if (request) await this.#fill(controller, request);
      else await this.#enqueue(controller);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#pulling = false;
    }
  }

  async #fill(controller: ReadableByteStreamController, request: ReadableStreamBYOBRequest): Promise<void> {
    const { buffer, byteOffset, byteLength } = request.view!; // null only once it has been answered
    const count = await this.#source.read(new Uint8Array(buffer, byteOffset, byteLength));
    if (this.#over) return;
    if (count === null) this.#end(controller);
    else request.respond(count);
  }

  async #enqueue(controller: ReadableByteStreamController): Promise<void> {
    const next = await this.#source.next();
    if (this.#over) return;
    if (next.done) this.#end(controller);
    else controller.enqueue(trimmed(next.value));
  }

  #end(controller: ReadableByteStreamController): void {
    this.#over = true;
    controller.close();
    // Of a reader that brought a buffer of its own: without an answer it waits for ever.
    controller.byobRequest?.respond(0);
  }
}

/** A small chunk without the larger memory it may lie in, all of which would stay with the caller. */
function trimmed(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const owned = chunk as Uint8Array<ArrayBuffer>; // no runtime receives into shared memory
  return owned.length * 2 < owned.buffer.byteLength ? owned.slice() : owned;
}
