/**
 * How a `Deno.Conn` reads, writes, ends, resets and tells.
 *
 * @module
 */
import type { Ends } from "../../core/lifecycle/connection.ts";
import type { Side, Sink } from "../../core/lifecycle/wire.ts";
import { type ErrorContext, socketError, toSocketError } from "../../core/socket_error.ts";
import { BaseWire, type Grip } from "../shared/base_wire.ts";
import type { Descriptor } from "../shared/descriptor.ts";
import type { DenoConn } from "./host.ts";
import { Inlet } from "./inlet.ts";
import { type LateReader, readLater, readNoMore, refChanged } from "./late_reads.ts";
import { disown, own } from "./own_descriptor.ts";
import { door } from "./sockopt.ts";

/** A `Deno.Conn` as a wire. */
export class DenoWire extends BaseWire<DenoConn> implements LateReader {
  readonly #descriptor: Descriptor | undefined;
  readonly #ends: Ends;
  protected readonly inlet = new Inlet();
  readonly #onRead = (count: number | null): void => this.#take(count);
  readonly #onReadFailed = (cause: unknown): void => this.fail(cause, "read");
  readonly #onWritten = (count: number): void => this.#wrote(count);
  readonly #onWriteFailed = (cause: unknown): void => this.fail(cause, "write");
  #mode: "pull" | "stand" | "hold" | "drain" = "hold";
  /** What the reader waits with that was named last. */
  #buffer: Uint8Array | null = null;
  /** What the native read in progress writes into. */
  #target: Uint8Array | undefined;
  #filling = false;
  /** A read that stood has brought something: the next one stands at once, for an end may be close behind. */
  #standing = false;
  /** Whether it waits for its late read. */
  #late = false;
  /** No read can bring anything any more. */
  #ended = false;
  #data: Uint8Array | undefined;
  /** Bytes of it that the kernel has taken. */
  #taken = 0;
  #refed = true;
  #gone = false;

  constructor(grip: Grip<DenoConn>, sink: Sink) {
    super(grip, sink);
    this.#descriptor = grip.reach.descriptor;
    this.#ends = grip.context;
    if (this.unix && this.#descriptor) own(this.#descriptor);
  }

  get filling(): boolean {
    return this.#filling;
  }

  get refed(): boolean {
    return this.#refed;
  }

  pull(buffer: Uint8Array | null): void {
    this.#mode = "pull";
    this.#buffer = buffer;
    this.#read();
  }

  standBy(): void {
    this.#mode = "stand";
    if (this.#standing) this.#read();
    else if (!this.#late && !this.#target && !this.#ended) {
      this.#late = true;
      readLater(this);
    }
  }

  readLate(): void {
    this.#late = false;
    if (this.#mode !== "stand" || this.#target) return;
    this.inlet.rest();
    this.#read();
  }

  hold(): void {
    this.#mode = "hold";
  }

  drain(): void {
    this.#mode = "drain";
    this.inlet.open();
    this.#read();
  }

  send(data: Uint8Array): boolean {
    this.#data = data;
    this.#taken = 0;
    this.native.write(data).then(this.#onWritten, this.#onWriteFailed);
    return false;
  }

  unsent(): number {
    return 0;
  }

  finish(): void {
    this.native.closeWrite().then(() => {
      if (!this.#gone) this.sink.finished();
    }, this.#onWriteFailed);
  }

  close(): void {
    this.#gone = true;
    if (this.#late) readNoMore(this);
    if (this.#descriptor) {
      if (this.unix) disown(this.#descriptor);
      // Deno before 2.9.5: close() does not end a pending write, which keeps the socket open behind our back.
      if (this.#data) door.kernel?.libc.shutdown(this.#descriptor.fd, SHUT_RDWR);
    }
    try {
      this.native.close();
    } catch {
      // Whoever has `native` may have closed it.
    }
  }

  reset(): void {
    this.resetByFfi();
    this.close();
  }

  setNoDelay(on: boolean): void {
    if (this.unix) return;
    if (this.#descriptor) {
      this.#descriptor.noDelay = on;
      return;
    }
    const context: ErrorContext = { ...this.#ends, op: "setNoDelay" };
    if (!this.native.setNoDelay) {
      throw socketError(
        "ENOTSUP",
        context,
        undefined,
        "Deno cannot set it with TLS; run deno with --allow-ffi",
      );
    }
    try {
      // Deno refuses it while a write is pending.
      this.native.setNoDelay(on);
    } catch (cause) {
      throw toSocketError(cause, context);
    }
  }

  ref(): void {
    this.#hold(true);
    this.native.ref();
  }

  unref(): void {
    this.#hold(false);
    this.native.unref();
  }

  #hold(on: boolean): void {
    if (this.#refed === on) return;
    this.#refed = on;
    if (this.#late) refChanged(this);
  }

  #read(): void {
    if (this.#target || this.#ended || this.#gone) return;
    const buffer = this.#mode === "pull" ? this.#buffer : undefined;
    this.#target = this.choose(buffer);
    this.#filling = this.#target === buffer;
    this.native.read(this.#target).then(this.#onRead, this.#onReadFailed);
  }

  /** What the next read writes into. */
  protected choose(buffer: Uint8Array | null | undefined): Uint8Array {
    return this.inlet.choose(buffer, this.#descriptor);
  }

  #take(count: number | null): void {
    if (this.#gone) return;
    const target = this.#target!; // set as long as a native read is in progress
    const direct = this.#filling;
    this.#target = undefined;
    this.#filling = false;
    if (count === null) {
      this.#ended = true;
      return this.sink.ended();
    }
    const borrowed = this.inlet.took(target, count);
    this.#standing = this.#mode === "stand";
    if (direct) this.sink.filled(count);
    else this.sink.received(count < target.length ? target.subarray(0, count) : target, borrowed);
    this.#standing = false;
    if (this.#mode === "drain") this.#read();
  }

  #wrote(count: number): void {
    if (this.#gone) return;
    const data = this.#data!; // set as long as a send is in progress
    this.#taken += count;
    if (this.#taken === data.length) {
      this.#data = undefined;
      return this.sink.sent();
    }
    this.sink.progress();
    this.native.write(data.subarray(this.#taken)).then(this.#onWritten, this.#onWriteFailed);
  }

  protected fail(cause: unknown, side: Side): void {
    if (this.#gone) return;
    if (side === "write") {
      this.#data = undefined;
    } else {
      this.#target = undefined;
      this.#filling = false;
      this.#ended = true;
    }
    this.sink.failed(cause, side);
  }
}

/** `sys/socket.h`, the same on every system. */
const SHUT_RDWR = 2;
