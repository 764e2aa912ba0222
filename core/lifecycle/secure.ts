/**
 * A connection with TLS, from its start or later.
 *
 * @module
 */
import type { Connection, StartTlsOptions, TlsInfo } from "../types.ts";
import { SocketError } from "../errors.ts";
import { type ErrorContext, socketError } from "../socket_error.ts";
import { requireTls } from "../tls/require.ts";
import { type TlsPlan, validateStartTls } from "../tls/validate.ts";
import { type Attempt, dial, type DialLimits } from "./dial.ts";
import { type Pending, pending, quiet, rejected } from "./promises.ts";
import type { Ends, LifecycleOptions } from "./settings.ts";
import { StreamedConnection } from "./streamed.ts";
import { type Handshake, type PlainRules, type Secured, UpgradeWire } from "./upgrade.ts";
import type { Side, Sink, Wire } from "./wire.ts";

/** The end of a stream that its peer did not end: a FIN without TLS's `close_notify` (RFC 8446, section 6.1). */
export class Truncation extends Error {
  readonly code = "ECONNRESET";

  /** @param cause The runtime's own error, where it has one. */
  constructor(cause?: unknown) {
    super("FIN without close_notify", { cause });
    this.name = "Truncation";
  }
}

/** What a connection needs that TLS may be started on. */
export interface TlsRoom extends PlainRules {
  /** The plain socket, as a wire. */
  open(sink: Sink): Wire;
  /** What `startTls` verifies by default; absent: it is refused, because `connect` has not opened this. */
  tlsName?: string;
  /**
   * Prepares the client's handshake on this socket, and touches nothing yet.
   *
   * @throws {SocketError} The runtime refuses an option.
   */
  client?(tls: TlsPlan, context: ErrorContext): Handshake;
}

const NOTHING = new Uint8Array(0);

/** A connection that begins plain, and may become one with TLS. */
export class SecureConnection extends StreamedConnection {
  readonly #wire: UpgradeWire;
  readonly #room: TlsRoom;
  #tls: TlsInfo | undefined;
  /** While TLS is being started: what is written waits for it. */
  #starting: Pending<void> | undefined;
  #closing = false;

  constructor(options: LifecycleOptions, ends: Ends, room: TlsRoom) {
    let wire: UpgradeWire | undefined;
    super(options, ends, (sink) => wire = new UpgradeWire(sink, room.open, room));
    this.#wire = wire!; // made by the line before
    this.#room = room;
  }

  override get tls(): TlsInfo | undefined {
    return this.#tls;
  }

  override startTls(options: StartTlsOptions = {}): Promise<Connection> {
    const { tlsName } = this.#room;
    if (tlsName === undefined) return super.startTls();
    try {
      const { tls, limits } = validateStartTls(options, tlsName);
      const context: ErrorContext = { ...this.ends, op: "startTls" };
      const obstacle = this.#obstacle(context);
      requireTls({ tls, tlsName }, context);
      return obstacle ? rejected(obstacle) : this.begin(tls, limits, context);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * TLS as the client.
   *
   * @throws {SocketError} The runtime refuses an option. The connection is as it was.
   */
  begin(tls: TlsPlan, limits: DialLimits, context: ErrorContext): Promise<this> {
    const handshake = this.#room.client?.(tls, context);
    if (!handshake) throw socketError("ENOTSUP", context);
    return this.secure(handshake, limits, context);
  }

  /** TLS as the server, on a connection that was accepted. */
  answer(start: Handshake, limits: DialLimits): Promise<this> {
    return this.secure(start, limits, { ...this.ends, op: "accept" });
  }

  /** Makes TLS of this connection. `context` is what errors say was being done. */
  secure(start: Handshake, limits: DialLimits, context: ErrorContext): Promise<this> {
    const obstacle = this.#obstacle(context);
    if (obstacle) return rejected(obstacle);
    if (limits.signal?.aborted) return rejected(limits.signal.reason);
    // Behind everything that was written: it resolves when the kernel has that.
    const flushed = super.write(NOTHING);
    this.#starting = pending<void>();
    const secured = dial(limits, context, () => this.#attempt(flushed, start, context));
    return quiet(secured.then(
      (secured) => this.#succeed(secured),
      (reason) => this.#fail(reason, context),
    ));
  }

  override write(data: Uint8Array): Promise<void> {
    if (this.#starting === undefined) return super.write(data);
    return quiet(this.#starting.promise.then(() => super.write(data)));
  }

  override closeWrite(): Promise<void> {
    if (this.#starting === undefined) return super.closeWrite();
    return quiet(this.#starting.promise.then(() => super.closeWrite()));
  }

  /** A handshake is given up: there is no orderly end before there is TLS. */
  override close(): Promise<void> {
    this.#closing = true;
    if (this.#starting !== undefined) this.abort();
    return super.close();
  }

  override failed(cause: unknown, side: Side): void {
    // Many answer our own end with a FIN alone, and nobody wants any more what it may have cut off.
    if (this.#closing && cause instanceof Truncation) super.ended();
    else super.failed(cause, side);
  }

  /** What stands against TLS now, before anything is touched. */
  #obstacle(context: ErrorContext): SocketError | undefined {
    const { reading, writing, failure } = this.inside;
    if (failure) return failure;
    if (this.#starting || this.#tls) {
      return socketError("ENOTSUP", context, undefined, "TLS is on, or being started, already");
    }
    if (reading.seen || writing.ending) return socketError("ENOTCONN", context);
    if (reading.waited) return socketError("EBUSY", context, undefined, "a read waits; TLS needs the socket");
    return undefined;
  }

  #attempt(flushed: Promise<void>, start: Handshake, context: ErrorContext): Attempt<Secured> {
    let attempt: Attempt<Secured> | undefined;
    const begin = () => {
      const { reading, failure } = this.inside;
      if (failure) throw failure;
      if (reading.size > 0 || reading.seen) {
        // They would pass for something that TLS has protected (RFC 3207, section 6).
        throw socketError(
          "EPROTO",
          context,
          undefined,
          "bytes or an end came before TLS that nobody has read",
        );
      }
      return (attempt = this.#wire.begin(start)).opened;
    };
    return {
      opened: flushed.then(begin),
      cancel: () => attempt?.cancel(),
      discard: (secured) => attempt?.discard(secured),
    };
  }

  #succeed(secured: Secured): this {
    const { failure } = this.inside;
    if (failure === undefined) {
      this.#tls = secured.info;
      this.#wire.secured(secured);
    }
    this.#settle();
    if (failure) throw failure;
    return this;
  }

  /** The connection fails with the handshake. */
  #fail(reason: unknown, context: ErrorContext): never {
    const { failure, reading } = this.inside;
    if (failure === undefined) {
      // What else it is rejected with is the reason of a signal.
      const error = reason instanceof SocketError ? reason : socketError("ECONNABORTED", context, reason);
      this.#wire.doomed = true;
      reading.drop(error);
      super.failed(error, "read");
    }
    this.#settle();
    throw failure ?? reason;
  }

  #settle(): void {
    const starting = this.#starting;
    this.#starting = undefined;
    starting?.resolve();
  }
}

/** TLS as the client over the connection that an attempt opens, as a part of that attempt; without a plan the attempt alone. */
export function securely(
  plain: Attempt<Connection>,
  tls: TlsPlan | undefined,
  context: ErrorContext,
): Attempt<Connection> {
  if (tls === undefined) return plain;
  let connection: SecureConnection | undefined;
  let over = false;
  const opened = plain.opened.then((opened) => {
    connection = opened as SecureConnection; // the adapters make one wherever there is a plan for TLS
    if (over) connection.abort();
    return connection.begin(tls, {}, context);
  });
  return {
    opened,
    cancel: () => {
      over = true;
      if (connection) connection.abort();
      else plain.cancel();
    },
    discard: (connection) => connection.abort(),
  };
}
