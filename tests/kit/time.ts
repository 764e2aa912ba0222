/**
 * Waiting, always bounded.
 *
 * @module
 */

/** Resolves after `milliseconds`. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What {@link withTimeout} rejects with. */
export class TimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeoutError";
  }
}

/** `promise`, or a {@link TimeoutError} naming `what` after `milliseconds`. */
export async function withTimeout<T>(
  promise: Promise<T>,
  milliseconds: number,
  what: string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TimeoutError(`${what} took more than ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    // If it lost the race, its own rejection has no other listener.
    promise.catch(() => {});
  }
}

/** Asks `check` again and again until it gives something truthy; what it last gave is in the error. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  milliseconds: number,
  what: string,
): Promise<T> {
  const until = Date.now() + milliseconds;
  for (let pause = 1;; pause = Math.min(pause * 2, 50)) {
    const found = await check();
    if (found) return found;
    if (Date.now() > until) {
      throw new TimeoutError(
        `${what} did not come true within ${milliseconds} ms (last: ${JSON.stringify(found)})`,
      );
    }
    await sleep(pause);
  }
}
