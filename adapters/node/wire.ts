/**
 * How a `net.Socket` reads, writes, ends, resets and tells.
 *
 * @module
 */
import type { Sink } from "../../core/lifecycle/wire.ts";
import { BaseWire, type Grip } from "../shared/base_wire.ts";
import { net, type NetSocket, version } from "./host.ts";

/** What libuv reads into, one for all sockets: it reads and calls back in one go. */
let inlet: Uint8Array | undefined;

/** The `onread` option of a socket whose wire is made later, but before its first byte. */
export class Onread {
  wire: NodeWire | undefined;
  readonly buffer: Uint8Array = (inlet ??= new Uint8Array(65_536));
  readonly callback = (count: number): boolean =>
    this.wire?.take(this.buffer.subarray(0, count), true) ?? false;
}

/** A `net.Socket` as a wire. */
export class NodeWire extends BaseWire<NetSocket> {
  readonly filling = false;
  readonly #onSent = (error?: Error | null): void => {
    if (!error) this.sink.sent();
  };
  protected flowing = false;
  /** Within the read callback, whose answer stops libuv by itself. */
  #taking = false;
  #ended = false;
  /** A FIN was asked for and is not sent. */
  protected finishing = false;

  constructor(grip: Grip<NetSocket>, sink: Sink) {
    super(grip, sink);
    const socket = grip.native;
    socket.on("error", ignore);
    // Node closes a socket at its first error, together with what the kernel has received for us: we close it ourselves.
    socket.destroy = (error) => this.onError(error);
    // Called with null for each end of file, also after a failed write, when there is no 'end' any more.
    socket.push = (chunk) => chunk === null ? this.#onEnd() : this.#onPush(chunk as Uint8Array);
  }

  /** libuv has read. Tells whether it may go on. */
  take(bytes: Uint8Array, borrowed: boolean): boolean {
    this.#taking = true;
    this.sink.received(bytes, borrowed);
    this.#taking = false;
    return this.flowing;
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
    const handle = this.native._handle;
    if (this.#taking || !handle) return;
    handle.reading = false;
    handle.readStop();
  }

  drain(): void {
    // A handle that had an error or an end of file has stopped by itself.
    this.flowing = true;
    if (!this.#taking) this.#readStart();
  }

  send(data: Uint8Array): boolean {
    this.native.write(data, this.#onSent);
    return false;
  }

  unsent(): number {
    return this.native._handle?.writeQueueSize ?? 0;
  }

  finish(): void {
    this.finishing = true;
    this.native.end((error) => {
      this.finishing = false;
      if (!error) this.sink.finished();
    });
  }

  close(): void {
    destroy(this.native);
  }

  reset(): void {
    // Our own property hides the method that resetAndDestroy() needs.
    this.native.destroy = net().Socket.prototype.destroy;
    // A pipe has no reset (ERR_INVALID_HANDLE_TYPE).
    if (this.unix) return void this.native.destroy();
    if (!this.finishing) return this.native.resetAndDestroy();
    // libuv refuses to reset a socket that is being shut down (EINVAL, uv_tcp_close_reset), and leaves it open.
    this.resetByFfi();
    this.native.destroy();
  }

  setNoDelay(on: boolean): void {
    // Not by the socket, which does nothing when it believes that the value is held already.
    this.native._handle?.setNoDelay?.(on);
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
    if (!this.#taking) this.#readStart();
  }

  #readStart(): void {
    const handle = this.native._handle;
    if (!handle) return;
    // So that Node, which starts to read by itself after 'connect', finds it done.
    handle.reading = true;
    handle.readStart();
  }

  protected onError(error: (Error & { syscall?: string }) | undefined): void {
    // Without an error it is the stream's own clean-up after both ends, which is ours to do.
    if (!error) return;
    const writing = error.syscall === "write" || error.syscall === "shutdown";
    if (!writing) this.#ended = true;
    this.sink.failed(error, writing ? "write" : "read");
  }

  #onPush({ buffer, byteOffset, length }: Uint8Array): boolean {
    // Not as the Buffer that it is, whose slice() does not copy. What Node 26 (26.10) decrypts lies in slabs of 64 KiB
    // that the next chunks lie in too: who gave away the memory of one would take that of the others.
    return this.take(new Uint8Array(buffer, byteOffset, length), length < buffer.byteLength);
  }

  #onEnd(): boolean {
    if (!this.#ended) {
      this.#ended = true;
      this.tellEnd();
    }
    return false;
  }

  /** An end of file came. */
  protected tellEnd(): void {
    if (!confirmsEnd()) return this.sink.ended();
    // libuv before 1.52 (Node 20 and 22) takes POLLHUP behind a short read for an end without asking recv(2), which
    // knows of an RST. Reading again does: the error comes within two turns of the loop, or never.
    this.#readStart();
    setImmediate(() => setImmediate(() => this.sink.ended()));
  }
}

export const ignore = () => {};

/** Whether an end may be an RST that libuv has not seen: before Node 24. */
export function confirmsEnd(): boolean {
  return Number.parseInt(version(), 10) < 24;
}

/** Closes the socket for good: its own `destroy` only tells. */
export function destroy(socket: NetSocket): void {
  net().Socket.prototype.destroy.call(socket);
}
