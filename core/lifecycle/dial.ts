/**
 * Opening a connection under one deadline: whatever ends first, the attempt, a
 * timeout or a signal, nothing of the others is left behind.
 *
 * @module
 */
import type { ErrorContext } from "../socket_error.ts";
import { socketError, toSocketError } from "../socket_error.ts";
import type { Plan } from "../keepalive/model.ts";
import { pending } from "./promises.ts";

/** One attempt of a runtime to connect. */
export interface Attempt<Socket> {
  /** The socket, connected. */
  opened: Promise<Socket>;
  /** Gives the attempt up. */
  cancel(): void;
  /** Closes a socket that came too late. */
  discard(socket: Socket): void;
}

/** How long an attempt may take. */
export interface DialLimits {
  timeout?: number;
  signal?: AbortSignal;
}

/**
 * Runs `start` within `limits`. Rejects with the signal's reason, with
 * `ETIMEDOUT`, or with what the attempt failed of. With a signal that has
 * aborted already nothing is started.
 */
export function dial<Socket>(
  limits: DialLimits,
  context: ErrorContext,
  start: () => Attempt<Socket>,
): Promise<Socket> {
  const { timeout, signal } = limits;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = pending<Socket>();
  const attempt = start();
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = () => {
    over = true;
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
  const giveUp = (reason: unknown) => {
    settle();
    attempt.cancel();
    reject(reason);
  };
  const onAbort = () => giveUp(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  if (timeout !== undefined) {
    timer = setTimeout(() => giveUp(socketError("ETIMEDOUT", context)), timeout);
  }
  attempt.opened.then(
    (socket) => {
      if (over) return attempt.discard(socket);
      settle();
      resolve(socket);
    },
    (cause) => {
      if (over) return;
      settle();
      reject(toSocketError(cause, context));
    },
  );
  return promise;
}

/** Milliseconds (RFC 6298, section 2.1). In less a process that is busy would give up a connection that is there. */
const FIRST_RETRANSMISSION = 1_000;

/**
 * An attempt whose socket will hold `toHold`, given up with `ETIMEDOUT` when
 * the user timeout is over. The kernel counts it for a SYN as for data
 * (tcp(7)), but a runtime's socket can be reached only once it is connected.
 */
export function answered<Socket>(
  attempt: Attempt<Socket>,
  toHold: Plan,
  context: ErrorContext,
): Attempt<Socket> {
  const userTimeout = toHold.held.TCP_USER_TIMEOUT;
  if (!userTimeout) return attempt;
  const timeout = Math.max(userTimeout, FIRST_RETRANSMISSION);
  const canceller = new AbortController();
  return {
    opened: dial({ timeout, signal: canceller.signal }, context, () => attempt),
    cancel: () => canceller.abort(),
    discard: attempt.discard,
  };
}
