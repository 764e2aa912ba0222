/**
 * What is the same in the wires of all runtimes: options, and death that the
 * runtime does not tell of.
 *
 * @module
 */
import type { KeepAliveStatus, TcpInfo } from "../../core/types.ts";
import type { SocketErrorCode } from "../../core/errors.ts";
import type { Vitals } from "../../core/health/vitals.ts";
import type { Wishes } from "../../core/keepalive/model.ts";
import type { Ends } from "../../core/lifecycle/connection.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import { readInfo } from "./info.ts";
import { applyWishes, type Reach, readStatus } from "./keepalive.ts";
import type { Watched, Watcher } from "./watcher.ts";

/** A socket of ours, how its options are reached, and who watches it. */
export interface Grip<Native extends object> {
  native: Native;
  reach: Reach;
  /** Absent without FFI. */
  watcher?: Watcher;
  /** For errors. */
  context: Ends;
}

/** The part of a `Wire` that does not move bytes. */
export abstract class BaseWire<Native extends object> implements Watched {
  readonly native: Native;
  /** What is told of the socket. */
  protected readonly sink: Sink;
  readonly #grip: Grip<Native>;
  #watched = false;

  constructor(grip: Grip<Native>, sink: Sink) {
    this.#grip = grip;
    this.native = grip.native;
    this.sink = sink;
  }

  /** For the watcher: `poll(2)` is asked with it. */
  get fd(): number {
    return this.#grip.reach.descriptor?.fd ?? -1;
  }

  /** Whether this is a Unix socket. */
  protected get unix(): boolean {
    return this.#grip.reach.unix;
  }

  watch(on: boolean): void {
    this.#watched = on;
    if (on && this.fd >= 0) this.#grip.watcher?.watch(this);
    else this.#grip.watcher?.unwatch(this);
  }

  dead(): void {
    this.sink.died();
    // Not yet told by a read: bytes may come first, and then the end that they were before.
    if (this.#watched) this.watch(true);
  }

  diagnose(): SocketErrorCode | undefined {
    return this.#grip.reach.descriptor?.diagnose();
  }

  unacknowledged(): boolean | undefined {
    const bytes = this.#grip.reach.descriptor?.unacknowledged();
    return bytes === undefined ? undefined : bytes > 0;
  }

  setKeepAlive(wishes: Wishes): KeepAliveStatus {
    const { reach, context } = this.#grip;
    return applyWishes(wishes, reach, { ...context, op: "setKeepAlive" });
  }

  getKeepAlive(): KeepAliveStatus {
    const { reach, context } = this.#grip;
    return readStatus(reach, { ...context, op: "getKeepAlive" });
  }

  info(): TcpInfo | undefined {
    const { reach, context } = this.#grip;
    return readInfo(reach, { ...context, op: "tcpInfo" });
  }

  vitals(into: Vitals): boolean {
    return this.#grip.reach.descriptor?.vitals(into) ?? false;
  }

  /** Drops the connection so that the peer is told by a RST, where FFI is the only way. */
  protected resetByFfi(): boolean {
    return this.#grip.reach.descriptor?.reset() ?? false;
  }
}
