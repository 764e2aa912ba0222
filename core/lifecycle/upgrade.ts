/**
 * A wire whose plain socket may become one with TLS: to the rules of a
 * connection's life it is one wire all the time.
 *
 * @module
 */
import type { KeepAliveStatus, TcpInfo, TlsInfo } from "../types.ts";
import type { SocketErrorCode } from "../errors.ts";
import type { Vitals } from "../health/vitals.ts";
import type { Wishes } from "../keepalive/model.ts";
import type { Attempt } from "./dial.ts";
import { type Pending, pending, rejectQuietly } from "./promises.ts";
import type { Side, Sink, Wire } from "./wire.ts";

/** What a handshake leaves that went well, the peer's certificate verified. */
export interface Secured {
  info: TlsInfo;
  /** The socket with TLS, as a wire. Nothing that came since the handshake may be lost or told before its first `pull`, `standBy` or `drain`. */
  open(sink: Sink): Wire;
}

/**
 * Starts a handshake on a socket whose plain wire is held, and must tell
 * nothing any more. `cancel`, `discard`, and a failure of the attempt close the
 * socket for good; `cancel` may be called after that.
 */
export type Handshake = () => Attempt<Secured>;

/** How a runtime's plain socket is to be treated before TLS. */
export interface PlainRules {
  /** Whether a native read may stand while nobody waits. On Deno it could not be called back for the handshake. */
  mayStand: boolean;
}

/** Tells on what a plain wire tells, until TLS takes the socket over. */
class PlainSink implements Sink {
  readonly #sink: Sink;
  deaf = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  filled(count: number): void {
    if (!this.deaf) this.#sink.filled(count);
  }

  received(bytes: Uint8Array, borrowed: boolean): void {
    if (!this.deaf) this.#sink.received(bytes, borrowed);
  }

  ended(): void {
    if (!this.deaf) this.#sink.ended();
  }

  sent(): void {
    if (!this.deaf) this.#sink.sent();
  }

  progress(): void {
    if (!this.deaf) this.#sink.progress();
  }

  finished(): void {
    if (!this.deaf) this.#sink.finished();
  }

  failed(cause: unknown, side: Side): void {
    if (!this.deaf) this.#sink.failed(cause, side);
  }

  died(): void {
    if (!this.deaf) this.#sink.died();
  }
}

/** A wire that is plain at first. */
export class UpgradeWire implements Wire {
  /** Closing is to be a reset: what the peer has sent is of no use. */
  doomed = false;
  readonly #sink: Sink;
  readonly #plainSink: PlainSink;
  readonly #mayStand: boolean;
  #inner: Wire;
  #phase: "plain" | "handshake" | "secure" = "plain";
  /** What was asked last of the reading side during the handshake. */
  #asked: ((wire: Wire) => void) | undefined;
  #attempt: Attempt<Secured> | undefined;
  #interrupted: Pending<Secured> | undefined;
  #watched = false;
  /** No native read stands that could tell of death. */
  #silent = false;
  #refed = true;
  /** What was asked for during the handshake. */
  #noDelay: boolean | undefined;

  constructor(sink: Sink, open: (sink: Sink) => Wire, { mayStand }: PlainRules) {
    this.#sink = sink;
    this.#plainSink = new PlainSink(sink);
    this.#mayStand = mayStand;
    this.#inner = open(this.#plainSink);
  }

  /** Gives the socket to TLS. The attempt rejects as soon as the connection is closed or reset. */
  begin(start: Handshake): Attempt<Secured> {
    this.#inner.hold();
    if (this.#silent || this.#watched) this.#inner.watch(false);
    this.#silent = false;
    this.#phase = "handshake";
    this.#plainSink.deaf = true;
    const attempt = this.#attempt = start();
    const interrupted = this.#interrupted = pending<Secured>();
    return {
      opened: Promise.race([attempt.opened, interrupted.promise]),
      cancel: () => attempt.cancel(),
      discard: (secured) => attempt.discard(secured),
    };
  }

  /** The handshake went well: from here on it is the other wire. */
  secured({ open }: Secured): void {
    this.#phase = "secure";
    this.#attempt = undefined;
    this.#inner = open(this.#sink);
    if (!this.#refed) this.#inner.unref();
    if (this.#noDelay !== undefined) this.#inner.setNoDelay(this.#noDelay);
    if (this.#watched) this.#inner.watch(true);
    if (this.#asked) this.#asked(this.#inner);
    else this.#inner.standBy();
  }

  get native(): unknown {
    return this.#inner.native;
  }

  get filling(): boolean {
    return this.#phase !== "handshake" && this.#inner.filling;
  }

  pull(buffer: Uint8Array | null): void {
    this.#hear(false);
    this.#ask((wire) => wire.pull(buffer));
  }

  standBy(): void {
    const silent = this.#phase === "plain" && !this.#mayStand;
    this.#ask((wire) => silent ? wire.hold() : wire.standBy());
    this.#hear(silent);
  }

  hold(): void {
    this.#hear(false);
    this.#ask((wire) => wire.hold());
  }

  drain(): void {
    this.#ask((wire) => wire.drain());
  }

  send(data: Uint8Array): boolean {
    return this.#inner.send(data);
  }

  unsent(): number {
    return this.#inner.unsent();
  }

  finish(): void {
    this.#inner.finish();
  }

  close(): void {
    this.#leave(() => this.doomed ? this.#inner.reset() : this.#inner.close());
  }

  reset(): void {
    this.#leave(() => this.#inner.reset());
  }

  watch(on: boolean): void {
    this.#watched = on;
    this.#inner.watch(on || this.#silent);
  }

  diagnose(): SocketErrorCode | undefined {
    return this.#inner.diagnose();
  }

  unacknowledged(): boolean | undefined {
    return this.#inner.unacknowledged();
  }

  setKeepAlive(wishes: Wishes): KeepAliveStatus {
    return this.#inner.setKeepAlive(wishes);
  }

  getKeepAlive(): KeepAliveStatus {
    return this.#inner.getKeepAlive();
  }

  info(): TcpInfo | undefined {
    return this.#inner.info();
  }

  vitals(into: Vitals): boolean {
    return this.#inner.vitals(into);
  }

  setNoDelay(on: boolean): void {
    // Bun's plain socket takes it without a word while its successor shakes hands.
    if (this.#phase === "handshake") this.#noDelay = on;
    this.#inner.setNoDelay(on);
  }

  ref(): void {
    this.#refed = true;
    this.#inner.ref();
  }

  unref(): void {
    this.#refed = false;
    this.#inner.unref();
  }

  #ask(question: (wire: Wire) => void): void {
    if (this.#phase === "handshake") this.#asked = question;
    else question(this.#inner);
  }

  /** Has death watched where no read stands that would tell of it. */
  #hear(silent: boolean): void {
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.#inner.watch(silent || this.#watched);
  }

  #leave(end: () => void): void {
    if (this.#phase !== "handshake") {
      if (this.#silent) this.#inner.watch(false);
      return end();
    }
    this.#attempt?.cancel();
    if (this.#interrupted) rejectQuietly(this.#interrupted, undefined);
  }
}
