/**
 * The timeout of a stream on which nothing happens.
 *
 * @module
 */

/** What is used of `node:timers`, whose timers can be unref'd on every runtime. */
export interface Timers {
  setTimeout(action: () => void, milliseconds: number): { unref(): void };
  clearTimeout(timer: unknown): void;
}

/** Tells when nothing has happened for some time. Activity costs a number, not a timer. */
export class IdleClock {
  readonly #timers: Timers;
  readonly #onIdle: () => void;
  #limit = 0;
  #last = 0;
  #timer: { unref(): void } | undefined;

  constructor(timers: Timers, onIdle: () => void) {
    this.#timers = timers;
    this.#onIdle = onIdle;
  }

  /** Milliseconds; 0 is never. */
  get limit(): number {
    return this.#limit;
  }

  set limit(milliseconds: number) {
    this.stop();
    this.#limit = milliseconds;
    this.touch();
  }

  /** Something has happened. */
  touch(): void {
    if (this.#limit === 0) return;
    this.#last = performance.now();
    if (this.#timer === undefined) this.#arm(this.#limit);
  }

  stop(): void {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#limit = 0;
  }

  #arm(milliseconds: number): void {
    this.#timer = this.#timers.setTimeout(() => this.#look(), milliseconds);
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    const left = this.#last + this.#limit - performance.now();
    // A timer may come a little early. As in Node, it is told once until something happens again.
    if (left > 1) this.#arm(Math.ceil(left));
    else this.#onIdle();
  }
}
