/**
 * How Bun's `Socket` reads, writes, ends, resets and tells.
 *
 * @module
 */
import type { Sink } from "../../core/lifecycle/wire.ts";
import { BaseWire, type Grip } from "../shared/base_wire.ts";
import { errnoError } from "./connect_linux.ts";
import type { BunSocket, SocketEvents } from "./host.ts";
import { libc } from "./sockopt.ts";

/** A `Socket` of Bun as a wire. */
export class BunWire extends BaseWire<BunSocket> implements SocketEvents {
  readonly filling = false;
  protected flowing = true;
  /** The `send` in progress, of which the kernel has taken `#taken` bytes. */
  #sending: Uint8Array | undefined;
  #taken = 0;
  #ended = false;
  #finished = false;
  /** A write took the error from the kernel: Bun believes in a clean end. */
  #failed = false;
  /** Bun has closed the file descriptor. */
  #closed = false;

  constructor(grip: Grip<BunSocket>, sink: Sink) {
    super(grip, sink);
    this.native.data = this;
  }

  opened(): void {
    // It was open before it became ours.
  }

  drained(): void {
    const data = this.#sending;
    // Bun tells of room also when nobody asked.
    if (data === undefined) return;
    const left = data.length - this.#taken;
    const count = this.native.write(data, this.#taken, left);
    if (count === left) {
      this.#sending = undefined;
      this.sink.sent();
    } else if (count < 0) {
      this.#fail();
    } else if (count > 0) {
      this.#taken += count;
      this.sink.progress();
    }
  }

  received(chunk: Uint8Array): void {
    this.sink.received(chunk, false);
  }

  ended(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.sink.ended();
  }

  closed(error: Error | undefined): void {
    this.#closed = true;
    super.watch(false);
    if (this.#failed) this.sink.ended();
    else if (error) this.sink.failed(error, "read");
    // After our FIN the peer's is told by this alone.
    else if (this.#finished) this.ended();
    else if (!this.#ended) this.sink.failed(codeError("ECONNABORTED"), "read");
    // After its FIN the peer of a Unix socket is gone altogether: that concerns only what we write.
    else if (this.#sending) this.#fail();
  }

  pull(_buffer: Uint8Array | null): void {
    this.flow();
  }

  standBy(): void {
    this.flow();
  }

  hold(): void {
    if (!this.flowing) return;
    this.flowing = false;
    this.native.pause();
  }

  drain(): void {
    this.flow();
  }

  send(data: Uint8Array): boolean {
    const count = this.native.write(data);
    if (count === data.length) return true;
    if (count < 0) {
      this.#fail();
      return false;
    }
    this.#sending = data;
    this.#taken = count;
    if (count > 0) this.sink.progress();
    return false;
  }

  unsent(): number {
    return 0;
  }

  finish(): void {
    this.#finished = true;
    if (!this.#closed) this.native.shutdown();
    this.sink.finished();
  }

  close(): void {
    this.#leave();
    if (!this.#closed) this.native.close();
  }

  reset(): void {
    this.#leave();
    if (!this.#closed) this.native.terminate();
  }

  override watch(on: boolean): void {
    // Of a TCP socket Bun tells in every state; of a Unix socket not while it is paused.
    if (this.unix && !this.#closed) super.watch(on);
  }

  setNoDelay(on: boolean): void {
    if (!this.unix) this.native.setNoDelay(on);
  }

  ref(): void {
    this.native.ref();
  }

  unref(): void {
    this.native.unref();
  }

  protected flow(): void {
    if (this.flowing) return;
    this.flowing = true;
    this.native.resume();
  }

  /** A write was refused. Bun 1.4 does not say why, but its system call was the last one. */
  #fail(): void {
    this.#failed = true;
    this.#sending = undefined;
    const errno = this.native.readyState === 1 ? libc()?.errno() : undefined;
    this.sink.failed(errno ? errnoError("write", errno) : codeError("EPIPE"), "write");
  }

  /** Nothing is told any more: Bun calls back within its own `close`. */
  #leave(): void {
    this.#sending = undefined;
    this.native.data = deaf;
  }
}

const ignore = () => {};

/** Listens to a socket that nobody has, or that nobody has any more. */
export const deaf: SocketEvents = {
  opened: ignore,
  drained: ignore,
  received: ignore,
  ended: ignore,
  closed: ignore,
};

/** An error as Bun would give it. */
export function codeError(code: string): Error {
  return Object.assign(new Error(`the socket is closed (${code})`), { code });
}
