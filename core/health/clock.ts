/**
 * The one timer that all watchers of a process share.
 *
 * @module
 */

/** Somebody who wants to be woken. */
export interface Sleeper {
  /** When, by {@link monotonic}. */
  readonly due: number;
  /** Does what is due, and moves `due` on. Never throws. */
  wake(now: number): void;
}

/** Milliseconds of a clock that never jumps. */
export function monotonic(): number {
  return performance.now();
}

/** setTimeout's own limit. */
const LONGEST = 2_147_483_647;

/** The timer runs only while somebody sleeps, and does not keep the process alive. */
export class HealthClock {
  readonly #unrefTimer: (timer: unknown) => void;
  readonly #sleepers = new Set<Sleeper>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;

  /** @param unrefTimer Lets the process end while a timer is running. */
  constructor(unrefTimer: (timer: unknown) => void) {
    this.#unrefTimer = unrefTimer;
  }

  add(sleeper: Sleeper): void {
    this.#sleepers.add(sleeper);
    this.#arm();
  }

  remove(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
    this.#arm();
  }

  #arm(): void {
    let due = Infinity;
    for (const sleeper of this.#sleepers) due = Math.min(due, sleeper.due);
    if (due === this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = undefined;
    if (due === Infinity) return;
    // At least 1 ms, so that others have their turn between two slices of work.
    const wait = Math.min(Math.max(Math.ceil(due - monotonic()), 1), LONGEST);
    this.#timer = setTimeout(() => this.#ring(), wait);
    this.#unrefTimer(this.#timer);
  }

  #ring(): void {
    this.#due = Infinity;
    const now = monotonic();
    for (const sleeper of [...this.#sleepers]) {
      // One may have been removed by the one before.
      if (sleeper.due <= now && this.#sleepers.has(sleeper)) sleeper.wake(now);
    }
    this.#arm();
  }
}
