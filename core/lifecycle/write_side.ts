/**
 * The writing half: what is to be sent, in its order, and the FIN behind it.
 *
 * @module
 */
import { type Pending, pending, rejected, rejectQuietly } from "./promises.ts";
import type { Wire } from "./wire.ts";

interface Write extends Pending<void> {
  data: Uint8Array;
  next: Write | undefined;
}

const DONE = Promise.resolve();

/** Writes in their order, each whole, then at most one FIN. */
export class WriteSide {
  readonly #wire: Wire;
  readonly #onFinished: () => void;
  #first: Write | undefined;
  #last: Write | undefined;
  #sending = false;
  #fin: Pending<void> | undefined;
  #finSent = false;
  #finishing = false;
  #failure: unknown;

  /** @param onFinished our FIN is sent */
  constructor(wire: Wire, onFinished: () => void) {
    this.#wire = wire;
    this.#onFinished = onFinished;
  }

  /** Whether our FIN is sent. */
  get finished(): boolean {
    return this.#finSent;
  }

  /** Whether a FIN is sent or to be sent: no further write is taken. */
  get ending(): boolean {
    return this.#fin !== undefined;
  }

  /** Whether the kernel has not taken all that was to be sent, the FIN included. */
  get unfinished(): boolean {
    return this.unsent || (this.ending && !this.#finSent);
  }

  /** Whether the kernel has not taken all bytes that were to be sent. */
  get unsent(): boolean {
    return this.#sending || this.#first !== undefined;
  }

  /** Not to be called once {@link ending} or failed. */
  write(data: Uint8Array): Promise<void> {
    if (!this.#sending && this.#first === undefined) {
      if (data.length === 0 || this.#wire.send(data)) return DONE;
      if (this.#failure !== undefined) return rejected(this.#failure);
      this.#sending = true;
    }
    const write = pending<void>() as Write;
    write.data = data;
    write.next = undefined;
    if (this.#last === undefined) this.#first = this.#last = write;
    else this.#last = this.#last.next = write;
    return write.promise;
  }

  /** Sends a FIN behind all that was written. */
  finish(): Promise<void> {
    if (this.#failure !== undefined) return rejected(this.#failure);
    if (this.#fin === undefined) {
      this.#fin = pending<void>();
      if (!this.#sending) this.#sendFin();
    }
    return this.#fin.promise;
  }

  /** The send in progress is done. */
  sent(): void {
    this.#sending = false;
    this.#shift()?.resolve();
    while (this.#first !== undefined && this.#failure === undefined) {
      const { data } = this.#first;
      if (data.length > 0 && !this.#wire.send(data)) {
        this.#sending = this.#failure === undefined;
        return;
      }
      this.#shift()?.resolve();
    }
    if (this.#fin !== undefined && this.#failure === undefined) this.#sendFin();
  }

  finSent(): void {
    if (this.#finSent || this.#fin === undefined) return;
    this.#finSent = true;
    this.#fin.resolve();
    this.#onFinished();
  }

  /** All that waits rejects with `reason`. */
  fail(reason: unknown): void {
    this.#failure = reason;
    this.#sending = false;
    for (let write = this.#shift(); write; write = this.#shift()) rejectQuietly(write, reason);
    if (this.#fin !== undefined && !this.#finSent) rejectQuietly(this.#fin, reason);
  }

  #sendFin(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.#wire.finish();
  }

  #shift(): Write | undefined {
    const write = this.#first;
    if (write !== undefined) {
      this.#first = write.next;
      if (write.next === undefined) this.#last = undefined;
    }
    return write;
  }
}
