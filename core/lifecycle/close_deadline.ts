/**
 * The time `close()` waits, counted from the moment the kernel last took a
 * byte of ours.
 *
 * @module
 */

/** How often a send in progress is looked at where the runtime does not tell of its progress. */
const LOOK_EVERY = 250;

/** Calls back once when nothing of ours was taken for the given time. */
export class CloseDeadline {
  readonly #limit: number;
  readonly #unsent: () => number;
  readonly #onExpire: () => void;
  #since = 0;
  #seenUnsent = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** @param unsent bytes the kernel has not taken, see `Wire.unsent` */
  constructor(limit: number, unsent: () => number, onExpire: () => void) {
    this.#limit = limit;
    this.#unsent = unsent;
    this.#onExpire = onExpire;
  }

  start(): void {
    if (this.#stopped) return;
    this.progress();
    this.#seenUnsent = this.#unsent();
    this.#arm(this.#limit);
  }

  /** The kernel took something. */
  progress(): void {
    this.#since = performance.now();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(left: number): void {
    const polls = this.#seenUnsent > 0;
    this.#timer = setTimeout(() => this.#look(), polls ? Math.min(left, LOOK_EVERY) : left);
  }

  #look(): void {
    const unsent = this.#unsent();
    if (unsent !== this.#seenUnsent) {
      this.#seenUnsent = unsent;
      this.progress();
    }
    const left = this.#limit - (performance.now() - this.#since);
    // A timer may fire up to a millisecond early.
    if (left > 1) this.#arm(left);
    else this.#onExpire();
  }
}
