/**
 * Events on their way to whoever iterates.
 *
 * @module
 */
import { type Pending, pending, rejectQuietly } from "../lifecycle/promises.ts";
import type { Connection, HealthEvent } from "../types.ts";

type Next = IteratorResult<HealthEvent, undefined>;

const DONE: Next = { done: true, value: undefined };

/** While nobody reads, the newest event of each connection is kept: a later one takes its place. */
export class Outlet {
  readonly #events = new Map<Connection, HealthEvent>();
  readonly #waiting: Pending<Next>[] = [];
  #ended = false;
  #failure: { reason: unknown } | undefined;

  next(): Promise<Next> {
    const made = pending<Next>();
    this.#waiting.push(made);
    this.#serve();
    return made.promise;
  }

  put(connection: Connection, event: HealthEvent): void {
    // Taken out first, so that events stay in the order of their time.
    this.#events.delete(connection);
    this.#events.set(connection, event);
    this.#serve();
  }

  /** Nothing comes any more; what is there is still handed out. */
  end(): void {
    this.#ended = true;
    this.#serve();
  }

  /** Nothing comes any more, and nobody wants what is there. */
  drop(): void {
    this.#events.clear();
    this.end();
  }

  /** The next reader is told so, in place of what is there; then it has ended. */
  fail(reason: unknown): void {
    this.#events.clear();
    this.#failure = { reason };
    this.end();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const [first] = this.#events;
      if (first !== undefined) {
        this.#events.delete(first[0]);
        this.#waiting.shift()!.resolve({ done: false, value: first[1] });
      } else if (this.#failure !== undefined) {
        const { reason } = this.#failure;
        this.#failure = undefined;
        rejectQuietly(this.#waiting.shift()!, reason);
      } else if (this.#ended) {
        this.#waiting.shift()!.resolve(DONE);
      } else {
        return;
      }
    }
  }
}
