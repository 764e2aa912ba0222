/**
 * Connections on Deno: `Deno.connect`, whose reads cannot be called back. Of a
 * name Deno before 2.9 tries the first address only.
 *
 * @module
 */
import type { Address, Connection, ConnectOptions } from "../../core/types.ts";
import { type Attempt, dial } from "../../core/lifecycle/dial.ts";
import { type Ends, Lifecycle } from "../../core/lifecycle/connection.ts";
import type { Side, Sink } from "../../core/lifecycle/wire.ts";
import type { Plan } from "../../core/keepalive/model.ts";
import { type ConnectionPlan, type ConnectPlan, validateConnect } from "../../core/options.ts";
import { type ErrorContext, socketError, toSocketError } from "../../core/socket_error.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import { BaseWire, type Grip } from "../shared/base_wire.ts";
import type { Descriptor } from "../shared/descriptor.ts";
import { applyPlan } from "../shared/keepalive.ts";
import { reachOf, requireHolds } from "../shared/reach.ts";
import { type DenoAddr, type DenoConn, host, os, runtime } from "./host.ts";
import { Inlet } from "./inlet.ts";
import { type LateReader, readLater, readNoMore, refChanged } from "./late_reads.ts";
import { disown, expectSocket, isClient, own } from "./own_descriptor.ts";
import { anticipateDescriptor, door } from "./sockopt.ts";

/**
 * Opens a connection to a TCP port or a Unix socket.
 *
 * The connection holds the keepalive that was asked for when this resolves;
 * what cannot be held is refused before anything is opened.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {UnsupportedOptionError} An explicit keepalive value cannot be held here; see `hint`.
 * @throws {SocketError} `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, `ENOENT`, … The signal's own reason when it aborts.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * await using connection = await connect({ port: listener.address.port, keepAlive: { idle: 60_000 } });
 * await using accepted = await listener.accept();
 * console.log(connection.getKeepAlive().idle);
 * ```
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const plan = validateConnect(options);
  const context = { op: "connect", remoteAddress: plan.endpoint, runtime, os: os() } as const;
  const toHold = requireHolds(door, plan.endpoint.transport, plan.wishes, context);
  return await dial(plan, context, () => attempt(plan, toHold, context));
}

function attempt(plan: ConnectPlan, toHold: Plan, context: ErrorContext): Attempt<Connection> {
  const canceller = new AbortController();
  // Deno (2.5.0 to 2.9.6, ext/net/01_net.js) asks the signal once more after success, and if it has aborted in that
  // moment drops the connection without closing it. Without this it comes, and is discarded.
  Object.defineProperty(canceller.signal, "throwIfAborted", { value: () => {} });
  return {
    opened: open(plan, toHold, canceller.signal, context),
    cancel: () => canceller.abort(),
    discard: (connection) => connection.abort(),
  };
}

async function open(
  plan: ConnectPlan,
  toHold: Plan,
  signal: AbortSignal,
  context: ErrorContext,
): Promise<Connection> {
  const { endpoint } = plan;
  const target = endpoint.transport === "unix"
    ? { transport: "unix", path: endpoint.path }
    : { hostname: endpoint.hostname, port: endpoint.port };
  anticipateDescriptor();
  const caught = expectSocket(door.kernel);
  const opening = host().connect({ ...target, signal });
  const born = caught();
  let native: DenoConn;
  try {
    native = await opening;
  } catch (cause) {
    // Deno before 2.9.6 asks a socket for its peer, which it has no more when the peer has reset it already.
    throw isNotConnected(cause) ? socketError("ECONNRESET", context, cause) : cause;
  }
  try {
    return adopt(native, born, plan, toHold, context);
  } catch (error) {
    native.close();
    throw error;
  }
}

/** Makes a connection of a socket that has just been connected, before its first byte is read. */
function adopt(
  native: DenoConn,
  born: Descriptor | undefined,
  plan: ConnectPlan,
  toHold: Plan,
  context: ErrorContext,
): Connection {
  const { endpoint } = plan;
  const unix = endpoint.transport === "unix";
  const isOurs = born && isClient(door.kernel!, born, native, unix ? endpoint.path : undefined);
  const descriptor = isOurs ? born : door.descriptorOf(native);
  // A socket whose ends are known, and which is not found by them, has been reset.
  if (!unix && !descriptor && door.kernel) throw socketError("ECONNRESET", context);
  const grip = unix ? gripOf(native, descriptor, unixAddress(""), endpoint) : gripOf(native, descriptor);
  applyPlan(toHold, plan.wishes, grip.reach, { ...grip.context, op: "connect" }, true);
  return wrap(grip, plan);
}

/** A socket with its addresses, which a Unix socket cannot tell, and the reach of its options. */
export function gripOf(
  native: DenoConn,
  descriptor: Descriptor | undefined,
  localAddress: Address = addressOf(native.localAddr),
  remoteAddress: Address = addressOf(native.remoteAddr),
): Grip<DenoConn> {
  return {
    native,
    reach: reachOf(door, native, localAddress.transport, descriptor),
    watcher: door.watcher(),
    context: { localAddress, remoteAddress, runtime, os: os() },
  };
}

/** The connection over a socket that has its options. */
export function wrap(grip: Grip<DenoConn>, plan: ConnectionPlan): Connection {
  if (plan.noDelay && !grip.reach.unix) grip.native.setNoDelay(true);
  return new Lifecycle(plan, grip.context, (sink) => new DenoWire(grip, sink));
}

/** A `Deno.Conn` as a wire. */
export class DenoWire extends BaseWire<DenoConn> implements LateReader {
  readonly #descriptor: Descriptor | undefined;
  readonly #ends: Ends;
  readonly #inlet = new Inlet();
  readonly #onRead = (count: number | null): void => this.#take(count);
  readonly #onReadFailed = (cause: unknown): void => this.#fail(cause, "read");
  readonly #onWritten = (count: number): void => this.#wrote(count);
  readonly #onWriteFailed = (cause: unknown): void => this.#fail(cause, "write");
  #mode: "pull" | "stand" | "hold" | "drain" = "hold";
  /** What the reader waits with that was named last. */
  #buffer: Uint8Array | null = null;
  /** What the native read in progress writes into. */
  #target: Uint8Array | undefined;
  #filling = false;
  /** A read that stood has brought something: the next one stands at once, for an end may be close behind. */
  #standing = false;
  /** Whether it waits for its late read. */
  #late = false;
  /** No read can bring anything any more. */
  #ended = false;
  #data: Uint8Array | undefined;
  /** Bytes of it that the kernel has taken. */
  #taken = 0;
  #refed = true;
  #gone = false;

  constructor(grip: Grip<DenoConn>, sink: Sink) {
    super(grip, sink);
    this.#descriptor = grip.reach.descriptor;
    this.#ends = grip.context;
    if (this.unix && this.#descriptor) own(this.#descriptor);
  }

  get filling(): boolean {
    return this.#filling;
  }

  get refed(): boolean {
    return this.#refed;
  }

  pull(buffer: Uint8Array | null): void {
    this.#mode = "pull";
    this.#buffer = buffer;
    this.#read();
  }

  standBy(): void {
    this.#mode = "stand";
    if (this.#standing) this.#read();
    else if (!this.#late && !this.#target && !this.#ended) {
      this.#late = true;
      readLater(this);
    }
  }

  readLate(): void {
    this.#late = false;
    if (this.#mode !== "stand" || this.#target) return;
    this.#inlet.rest();
    this.#read();
  }

  hold(): void {
    this.#mode = "hold";
  }

  drain(): void {
    this.#mode = "drain";
    this.#inlet.open();
    this.#read();
  }

  send(data: Uint8Array): boolean {
    this.#data = data;
    this.#taken = 0;
    this.native.write(data).then(this.#onWritten, this.#onWriteFailed);
    return false;
  }

  unsent(): number {
    return 0;
  }

  finish(): void {
    this.native.closeWrite().then(() => {
      if (!this.#gone) this.sink.finished();
    }, this.#onWriteFailed);
  }

  close(): void {
    this.#gone = true;
    if (this.#late) readNoMore(this);
    if (this.#descriptor) {
      if (this.unix) disown(this.#descriptor);
      // Deno before 2.9.5: close() does not end a pending write, which keeps the socket open behind our back.
      if (this.#data) door.kernel?.libc.shutdown(this.#descriptor.fd, SHUT_RDWR);
    }
    try {
      this.native.close();
    } catch {
      // Whoever has `native` may have closed it.
    }
  }

  reset(): void {
    this.resetByFfi();
    this.close();
  }

  setNoDelay(on: boolean): void {
    if (this.unix) return;
    if (this.#descriptor) {
      this.#descriptor.noDelay = on;
      return;
    }
    try {
      // Deno refuses it while a write is pending.
      this.native.setNoDelay(on);
    } catch (cause) {
      throw toSocketError(cause, { ...this.#ends, op: "setNoDelay" });
    }
  }

  ref(): void {
    this.#hold(true);
    this.native.ref();
  }

  unref(): void {
    this.#hold(false);
    this.native.unref();
  }

  #hold(on: boolean): void {
    if (this.#refed === on) return;
    this.#refed = on;
    if (this.#late) refChanged(this);
  }

  #read(): void {
    if (this.#target || this.#ended || this.#gone) return;
    const buffer = this.#mode === "pull" ? this.#buffer : undefined;
    this.#target = this.#inlet.choose(buffer, this.#descriptor);
    this.#filling = this.#target === buffer;
    this.native.read(this.#target).then(this.#onRead, this.#onReadFailed);
  }

  #take(count: number | null): void {
    if (this.#gone) return;
    const target = this.#target!; // set as long as a native read is in progress
    const direct = this.#filling;
    this.#target = undefined;
    this.#filling = false;
    if (count === null) {
      this.#ended = true;
      return this.sink.ended();
    }
    const borrowed = this.#inlet.took(target, count);
    this.#standing = this.#mode === "stand";
    if (direct) this.sink.filled(count);
    else this.sink.received(count < target.length ? target.subarray(0, count) : target, borrowed);
    this.#standing = false;
    if (this.#mode === "drain") this.#read();
  }

  #wrote(count: number): void {
    if (this.#gone) return;
    const data = this.#data!; // set as long as a send is in progress
    this.#taken += count;
    if (this.#taken === data.length) {
      this.#data = undefined;
      return this.sink.sent();
    }
    this.sink.progress();
    this.native.write(data.subarray(this.#taken)).then(this.#onWritten, this.#onWriteFailed);
  }

  #fail(cause: unknown, side: Side): void {
    if (this.#gone) return;
    if (side === "write") {
      this.#data = undefined;
    } else {
      this.#target = undefined;
      this.#filling = false;
      this.#ended = true;
    }
    this.sink.failed(cause, side);
  }
}

/** `sys/socket.h`, the same on every system. */
const SHUT_RDWR = 2;

function addressOf({ hostname, port }: DenoAddr): Address {
  return tcpAddress(hostname, port);
}

/** Whether Deno could not ask a new socket for its peer: the peer has reset it already. */
export function isNotConnected(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "NotConnected";
}
