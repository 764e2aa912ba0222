/**
 * Connections on Node: `net.Socket` with its `onread` option, so that bytes
 * pass no stream machinery on their way in.
 *
 * @module
 */
import type { Address, Connection, ConnectOptions } from "../../core/types.ts";
import { type Attempt, dial } from "../../core/lifecycle/dial.ts";
import { Lifecycle } from "../../core/lifecycle/connection.ts";
import { pending } from "../../core/lifecycle/promises.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import type { Plan } from "../../core/keepalive/model.ts";
import { type ConnectionPlan, type ConnectPlan, validateConnect } from "../../core/options.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import { BaseWire, type Grip } from "../shared/base_wire.ts";
import { applyPlan } from "../shared/keepalive.ts";
import { reachOf, requireHolds } from "../shared/reach.ts";
import { net, type NetSocket, os, runtime, version } from "./host.ts";
import { door } from "./sockopt.ts";

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
  return await dial(plan, context, () => attempt(plan, toHold));
}

function attempt(plan: ConnectPlan, toHold: Plan): Attempt<Connection> {
  const { endpoint } = plan;
  const onread = new Onread();
  const socket = new (net().Socket)({ allowHalfOpen: true, onread });
  const { promise, resolve, reject } = pending<Connection>();
  const giveUp = (error: unknown) => {
    destroy(socket);
    reject(error);
  };
  // Before connect(), which may fail within the call: Node 24 and 26 do for a path that is too long.
  socket.destroy = giveUp;
  socket.on("error", ignore);
  socket.once("connect", () => {
    try {
      resolve(adopt(socket, onread, plan, toHold));
    } catch (error) {
      giveUp(error);
    }
  });
  const target = endpoint.transport === "unix"
    ? { path: endpoint.path }
    : { host: endpoint.hostname, port: endpoint.port };
  socket.connect(target);
  return {
    opened: promise,
    cancel: () => destroy(socket),
    discard: (connection) => connection.abort(),
  };
}

/** Makes a connection of a socket that has just been connected, before its first byte is read. */
function adopt(socket: NetSocket, onread: Onread, plan: ConnectPlan, toHold: Plan): Connection {
  const { endpoint } = plan;
  const unix = endpoint.transport === "unix";
  const grip = unix ? gripOf(socket, unixAddress(""), endpoint) : gripOf(socket);
  applyPlan(toHold, plan.wishes, grip.reach, { ...grip.context, op: "connect" }, true);
  if (plan.noDelay) socket._handle?.setNoDelay?.(true);
  return wrap(grip, onread, plan);
}

/** A socket with its addresses, which a Unix socket cannot tell, and the reach of its options. */
export function gripOf(
  socket: NetSocket,
  localAddress: Address = tcpAddress(socket.localAddress, socket.localPort),
  remoteAddress: Address = tcpAddress(socket.remoteAddress, socket.remotePort),
): Grip<NetSocket> {
  return {
    native: socket,
    reach: reachOf(door, socket, localAddress.transport, door.descriptorOf(socket)),
    watcher: door.watcher(),
    context: { localAddress, remoteAddress, runtime, os: os() },
  };
}

/** The connection over a socket that has its options. */
export function wrap(grip: Grip<NetSocket>, onread: Onread, plan: ConnectionPlan): Connection {
  return new Lifecycle(plan, grip.context, (sink) => new NodeWire(grip, onread, sink));
}

/** What libuv reads into, one for all sockets: it reads and calls back in one go. */
let inlet: Uint8Array | undefined;

/** The `onread` option of a socket whose wire is made later, but before its first byte. */
export class Onread {
  wire: NodeWire | undefined;
  readonly buffer: Uint8Array = (inlet ??= new Uint8Array(65_536));
  readonly callback = (count: number): boolean => this.wire?.take(count) ?? false;
}

/** A `net.Socket` as a wire. */
export class NodeWire extends BaseWire<NetSocket> {
  readonly filling = false;
  readonly #buffer: Uint8Array;
  readonly #onSent = (error?: Error | null): void => {
    if (!error) this.sink.sent();
  };
  #flowing = false;
  /** Within the read callback, whose answer stops libuv by itself. */
  #taking = false;
  #ended = false;
  /** A FIN was asked for and is not sent. */
  #finishing = false;

  constructor(grip: Grip<NetSocket>, onread: Onread, sink: Sink) {
    super(grip, sink);
    const socket = grip.native;
    this.#buffer = onread.buffer;
    onread.wire = this;
    socket.on("error", ignore);
    // Node closes a socket at its first error, together with what the kernel has received for us: we close it ourselves.
    socket.destroy = (error) => this.#onError(error);
    // Called with null for each end of file, also after a failed write, when there is no 'end' any more.
    socket.push = (chunk) => {
      if (chunk === null) this.#onEnd();
      return false;
    };
  }

  /** libuv has read `count` bytes. Tells whether it may go on. */
  take(count: number): boolean {
    this.#taking = true;
    this.sink.received(this.#buffer.subarray(0, count), true);
    this.#taking = false;
    return this.#flowing;
  }

  pull(_buffer: Uint8Array | null): void {
    this.#flow();
  }

  standBy(): void {
    this.#flow();
  }

  hold(): void {
    if (!this.#flowing) return;
    this.#flowing = false;
    const handle = this.native._handle;
    if (this.#taking || !handle) return;
    handle.reading = false;
    handle.readStop();
  }

  drain(): void {
    // A handle that had an error or an end of file has stopped by itself.
    this.#flowing = true;
    if (!this.#taking) this.#readStart();
  }

  send(data: Uint8Array): boolean {
    this.native.write(data, this.#onSent);
    return false;
  }

  unsent(): number {
    return this.native._handle?.writeQueueSize ?? 0;
  }

  finish(): void {
    this.#finishing = true;
    this.native.end((error) => {
      this.#finishing = false;
      if (!error) this.sink.finished();
    });
  }

  close(): void {
    destroy(this.native);
  }

  reset(): void {
    // Our own property hides the method that resetAndDestroy() needs.
    this.native.destroy = net().Socket.prototype.destroy;
    // A pipe has no reset (ERR_INVALID_HANDLE_TYPE).
    if (this.unix) return void this.native.destroy();
    if (!this.#finishing) return this.native.resetAndDestroy();
    // libuv refuses to reset a socket that is being shut down (EINVAL, uv_tcp_close_reset), and leaves it open.
    this.resetByFfi();
    this.native.destroy();
  }

  setNoDelay(on: boolean): void {
    // Not by the socket, which does nothing when it believes that the value is held already.
    this.native._handle?.setNoDelay?.(on);
  }

  ref(): void {
    this.native.ref();
  }

  unref(): void {
    this.native.unref();
  }

  #flow(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    if (!this.#taking) this.#readStart();
  }

  #readStart(): void {
    const handle = this.native._handle;
    if (!handle) return;
    // So that Node, which starts to read by itself after 'connect', finds it done.
    handle.reading = true;
    handle.readStart();
  }

  #onError(error: (Error & { syscall?: string }) | undefined): void {
    // Without an error it is the stream's own clean-up after both ends, which is ours to do.
    if (!error) return;
    const writing = error.syscall === "write" || error.syscall === "shutdown";
    if (!writing) this.#ended = true;
    this.sink.failed(error, writing ? "write" : "read");
  }

  #onEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!confirmsEnd()) return this.sink.ended();
    // libuv before 1.52 (Node 20 and 22) takes POLLHUP behind a short read for an end without asking recv(2), which
    // knows of an RST. Reading again does: the error comes within two turns of the loop, or never.
    this.#readStart();
    setImmediate(() => setImmediate(() => this.sink.ended()));
  }
}

const ignore = () => {};

/** Whether an end may be an RST that libuv has not seen: before Node 24. */
function confirmsEnd(): boolean {
  return Number.parseInt(version(), 10) < 24;
}

/** Closes the socket for good: its own `destroy` only tells. */
function destroy(socket: NetSocket): void {
  net().Socket.prototype.destroy.call(socket);
}
