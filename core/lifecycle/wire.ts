/**
 * The line between the rules and the runtimes: an adapter's {@link Wire} says
 * how its runtime reads, writes, ends, resets and tells; the lifecycle is the
 * {@link Sink} that the wire tells.
 *
 * @module
 */
import type { KeepAliveStatus, TcpInfo } from "../types.ts";
import type { SocketErrorCode } from "../errors.ts";
import type { Vitals } from "../health/vitals.ts";
import type { Wishes } from "../keepalive/model.ts";

/** One open socket of a runtime. After `close` or `reset` nothing is called and nothing may be told any more. */
export interface Wire {
  /** The runtime's own socket. */
  readonly native: unknown;
  /** Whether a native read is writing into a reader's buffer at this moment, and cannot be called back. */
  readonly filling: boolean;

  /**
   * Somebody waits for bytes. The wire puts them straight into `buffer` and
   * answers `filled`, or answers `received`. With `null` any chunk will do.
   * Said again for each reader; a wire that is reading already goes on.
   */
  pull(buffer: Uint8Array | null): void;
  /** Nobody waits, and there is room: bytes may come, and an end must be told. May start late, by one second at most. */
  standBy(): void;
  /** There is no room: no more bytes, please. */
  hold(): void;
  /** Read on at once, without limit, to the end. */
  drain(): void;

  /** Sends all of `data`: `true` when the kernel has it already, else `sent` is told later. One at a time. */
  send(data: Uint8Array): boolean;
  /** Bytes of the `send` in progress that the kernel has not taken, for a runtime that does not tell `progress`; else 0. */
  unsent(): number;
  /** Sends a FIN and answers `finished`. Nothing is being sent, and nothing will be. */
  finish(): void;

  /** Closes the socket. */
  close(): void;
  /** Drops what is queued and closes the socket, with a RST where the runtime can. */
  reset(): void;

  /** Watches for death, or ceases to, where the runtime does not tell by itself in the present state. */
  watch(on: boolean): void;
  /** The error a socket died of whose end has been read; `undefined` where it cannot be asked. */
  diagnose(): SocketErrorCode | undefined;
  /** Whether bytes the kernel took are not acknowledged; `undefined` where that cannot be read. */
  unacknowledged(): boolean | undefined;

  setKeepAlive(wishes: Wishes): KeepAliveStatus;
  getKeepAlive(): KeepAliveStatus;
  /** What the kernel tells of the connection; `undefined` where that cannot be read. */
  info(): TcpInfo | undefined;
  /** The few fields of it by which health is judged: `false` where they cannot be read. */
  vitals(into: Vitals): boolean;
  setNoDelay(on: boolean): void;
  ref(): void;
  unref(): void;
}

/** On which side of a socket something failed. */
export type Side = "read" | "write";

/** What a wire tells. */
export interface Sink {
  /** `count` bytes were put into the buffer of the last `pull`. */
  filled(count: number): void;
  /** Bytes came. `borrowed`: the memory is the wire's, and is used again as soon as this returns. */
  received(bytes: Uint8Array, borrowed: boolean): void;
  /** The peer's FIN came. Told once. */
  ended(): void;
  /** The `send` in progress is with the kernel as a whole. */
  sent(): void;
  /** The kernel took a part of the `send` in progress. */
  progress(): void;
  /** Our FIN is sent. */
  finished(): void;
  /** The runtime reports an error. On the read side, whatever was received before has been told. */
  failed(cause: unknown, side: Side): void;
  /** The watcher saw that the socket is dead. */
  died(): void;
}
