/**
 * The rules of a listener's life, the same on every runtime: connections wait
 * for `accept()`, `accept()` waits for connections, and the end ends both.
 *
 * @module
 */
import type { Address, Connection, KeepAlive, KeepAliveStatus, Listener } from "../types.ts";
import type { SocketError, SocketErrorCode, SocketOp } from "../errors.ts";
import type { Wishes } from "../keepalive/model.ts";
import { validateKeepAlive } from "../keepalive/validate.ts";
import { type ErrorContext, socketError, toSocketError } from "../socket_error.ts";
import { type Pending, pending, quiet, rejected, rejectQuietly } from "./promises.ts";
import type { SecureConnection } from "./secure.ts";
import type { Handshake } from "./upgrade.ts";

/** One listening socket of a runtime. After `close` nothing may be told any more. */
export interface Gate {
  /** Somebody waits for a connection: for a runtime that is asked for each. */
  want(): void;
  /** Stops listening. A promise, which does not reject, where the runtime takes a moment for it. */
  close(): void | Promise<void>;
  /** Sets what connections accepted from now on hold, those that wait in the kernel included. */
  setKeepAlive(wishes: Wishes): KeepAliveStatus;
  getKeepAlive(): KeepAliveStatus;
  ref(): void;
  unref(): void;
}

/** How a listener is to behave, see `ListenOptions`. */
export interface ListenerOptions {
  backlog: number;
  signal?: AbortSignal;
}

/** Where a listener is, and whose errors are to be read. */
export type Place = Omit<ErrorContext, "op" | "remoteAddress"> & { localAddress: Address };

/** Errors of accept(2) that pass: one goes on, as in Go's net/http. */
const PASSING: ReadonlySet<SocketErrorCode> = new Set<SocketErrorCode>([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "ECONNABORTED",
  "ECONNRESET",
]);

/** Milliseconds in which a client must have shaken hands. */
const HANDSHAKE_LIMIT = 10_000;

/** A listener over any {@link Gate}. */
export class ListenerLifecycle implements Listener {
  readonly address: Address;
  readonly #gate: Gate;
  readonly #options: ListenerOptions;
  readonly #place: Place;
  readonly #waiting: Connection[] = [];
  readonly #acceptors: Pending<Connection>[] = [];
  /** Their handshake goes on. */
  readonly #shaking = new Set<SecureConnection>();
  readonly #onAbort = () => this.#end(this.#options.signal?.reason);
  #failures = 0;
  #ending: SocketError | undefined;
  #closed: void | Promise<void> = undefined;

  constructor(options: ListenerOptions, place: Place, open: (listener: ListenerLifecycle) => Gate) {
    this.#options = options;
    this.#place = place;
    this.address = place.localAddress;
    this.#gate = open(this);
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  /** How many `accept()` wait for a connection. */
  get wanted(): number {
    return this.#acceptors.length;
  }

  /** A connection has come. Those beyond the backlog are reset. */
  offer(connection: Connection): void {
    this.#failures = 0;
    const acceptor = this.#acceptors.shift();
    if (acceptor !== undefined) acceptor.resolve(connection);
    else if (this.#ending || this.#waiting.length >= this.#options.backlog) connection.abort();
    else this.#waiting.push(connection);
  }

  /**
   * A connection has come that TLS is to be started on: it is handed out when
   * the handshake went well. Those beyond the backlog are reset.
   */
  secure(connection: SecureConnection, start: Handshake): void {
    if (this.#ending || this.#shaking.size >= this.#options.backlog) return connection.abort();
    this.#shaking.add(connection);
    connection.answer(start, { timeout: HANDSHAKE_LIMIT }).then(
      () => this.#shaking.delete(connection) && this.offer(connection),
      () => this.#shaking.delete(connection),
    );
  }

  /**
   * Accepting failed. Gives the milliseconds after which to go on: 5, doubled
   * up to 1 s with each failure in a row (Go, net/http `Server.Serve`). An
   * error that does not pass ends the listener, and gives `undefined`.
   */
  failed(cause: unknown): number | undefined {
    if (this.#ending !== undefined) return undefined;
    const error = toSocketError(cause, { ...this.#place, op: "accept" });
    if (PASSING.has(error.code)) return Math.min(5 * 2 ** this.#failures++, 1_000);
    this.#stop(error);
    return undefined;
  }

  accept(): Promise<Connection> {
    const connection = this.#waiting.shift();
    if (connection !== undefined) return Promise.resolve(connection);
    if (this.#ending !== undefined) return rejected(this.#ending);
    const acceptor = pending<Connection>();
    this.#acceptors.push(acceptor);
    this.#gate.want();
    return acceptor.promise;
  }

  close(): Promise<void> {
    this.#end(undefined);
    return Promise.resolve(this.#closed);
  }

  /** Ends when the listener is closed; leaving the loop early leaves the listener open. */
  [Symbol.asyncIterator](): AsyncIterator<Connection> {
    const ended = (reason: unknown): IteratorResult<Connection> => {
      if (this.#ending?.code === "ECONNABORTED") return { done: true, value: undefined };
      throw reason;
    };
    return { next: () => quiet(this.accept().then((value) => ({ done: false, value }), ended)) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  ref(): void {
    if (this.#ending === undefined) this.#gate.ref();
  }

  unref(): void {
    if (this.#ending === undefined) this.#gate.unref();
  }

  setKeepAlive(options: boolean | KeepAlive): KeepAliveStatus {
    const wishes = validateKeepAlive(options);
    this.#requireOpen("setKeepAlive");
    const status = this.#gate.setKeepAlive(wishes);
    for (const connection of [...this.#waiting, ...this.#shaking]) {
      try {
        connection.setKeepAlive(options);
      } catch {
        // It died while it waited: whoever accepts it will learn that from itself.
      }
    }
    return status;
  }

  getKeepAlive(): KeepAliveStatus {
    this.#requireOpen("getKeepAlive");
    return this.#gate.getKeepAlive();
  }

  #end(reason: unknown): void {
    this.#stop(this.#error("ECONNABORTED", "accept", reason));
  }

  #stop(error: SocketError): void {
    if (this.#ending !== undefined) return;
    this.#ending = error;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#closed = this.#gate.close();
    for (const acceptor of this.#acceptors.splice(0)) rejectQuietly(acceptor, error);
    for (const connection of this.#shaking) connection.abort(error);
    for (const connection of this.#waiting.splice(0)) connection.abort(error);
  }

  #requireOpen(op: SocketOp): void {
    if (this.#ending !== undefined) throw this.#error("ENOTCONN", op, this.#ending);
  }

  #error(code: SocketErrorCode, op: SocketOp, cause?: unknown): SocketError {
    return socketError(code, { ...this.#place, op }, cause);
  }
}
