/**
 * Promises that are never an unhandled rejection, because a connection may
 * fail while nobody waits for it.
 *
 * @module
 */

/** A promise with its two ends. */
export interface Pending<T> {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason: unknown) => void;
}

const ignore = () => {};

/** A promise that somebody else settles. `Promise.withResolvers` is missing in Node 20. */
export function pending<T>(): Pending<T> {
  const made = {} as Pending<T>;
  made.promise = new Promise<T>((resolve, reject) => {
    made.resolve = resolve;
    made.reject = reject;
  });
  return made;
}

/** Rejects `entry`; the handler is added only now, so that success costs nothing. */
export function rejectQuietly<T>(entry: Pending<T>, reason: unknown): void {
  entry.promise.catch(ignore);
  entry.reject(reason);
}

/** A rejected promise that needs no handler. */
export function rejected<T>(reason: unknown): Promise<T> {
  return quiet(Promise.reject<T>(reason));
}

/** `promise`, which needs no handler from now on: one that is derived by `then` does not have those of its source. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}
