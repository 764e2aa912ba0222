/**
 * Connections on Bun: its own `Socket`, which pauses and resumes at a byte's
 * exactness and leaves what the kernel did not take to us.
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
import { errnoError } from "./connect_linux.ts";
import { type BunSocket, os, runtime, type SocketEvents } from "./host.ts";
import { race } from "./race.ts";
import { door, libc } from "./sockopt.ts";

/**
 * Opens a connection to a TCP port or a Unix socket.
 *
 * The connection holds the keepalive that was asked for when this resolves;
 * what cannot be held is refused before anything is opened.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {UnsupportedOptionError} An explicit keepalive value cannot be held here; see `hint`.
 * @throws {SocketError} `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, `ENOENT`, … `ENOTSUP` before Bun 1.4. The signal's own reason when it aborts.
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
  const { promise, resolve, reject } = pending<Connection>();
  const cancel = race(plan.endpoint, {
    connected(socket) {
      try {
        resolve(adopt(socket, plan, toHold));
      } catch (error) {
        socket.terminate();
        reject(error);
      }
    },
    failed: reject,
  });
  return {
    opened: promise,
    cancel,
    discard: (connection) => connection.abort(),
  };
}

/** Makes a connection of a socket that has just been connected, before its first byte is read. */
function adopt(socket: BunSocket, plan: ConnectPlan, toHold: Plan): Connection {
  const { endpoint } = plan;
  const unix = endpoint.transport === "unix";
  const grip = unix ? gripOf(socket, unixAddress(""), endpoint) : gripOf(socket);
  applyPlan(toHold, plan.wishes, grip.reach, { ...grip.context, op: "connect" }, true);
  return wrap(grip, plan);
}

/** A socket with its addresses, which a Unix socket cannot tell, and the reach of its options. */
export function gripOf(
  socket: BunSocket,
  localAddress: Address = tcpAddress(socket.localAddress, socket.localPort),
  remoteAddress: Address = tcpAddress(socket.remoteAddress, socket.remotePort),
): Grip<BunSocket> {
  return {
    native: socket,
    reach: reachOf(door, socket, localAddress.transport, door.descriptorOf(socket)),
    watcher: door.watcher(),
    context: { localAddress, remoteAddress, runtime, os: os() },
  };
}

/** The connection over a socket that has its options. */
export function wrap(grip: Grip<BunSocket>, plan: ConnectionPlan): Connection {
  // Bun has it on by itself.
  if (!plan.noDelay && !grip.reach.unix) grip.native.setNoDelay(false);
  return new Lifecycle(plan, grip.context, (sink) => new BunWire(grip, sink));
}

/** A `Socket` of Bun as a wire. */
export class BunWire extends BaseWire<BunSocket> implements SocketEvents {
  readonly filling = false;
  #flowing = true;
  /** The `send` in progress, of which the kernel has taken `#taken` bytes. */
  #sending: Uint8Array | undefined;
  #taken = 0;
  #ended = false;
  #finished = false;
  /** A write took the error from the kernel: Bun believes in a clean end. */
  #failed = false;
  /** Bun has closed the file descriptor. */
  #closed = false;

  constructor(grip: Grip<BunSocket>, sink: Sink) {
    super(grip, sink);
    this.native.data = this;
  }

  opened(): void {
    // It was open before it became ours.
  }

  drained(): void {
    const data = this.#sending;
    // Bun tells of room also when nobody asked.
    if (data === undefined) return;
    const left = data.length - this.#taken;
    const count = this.native.write(data, this.#taken, left);
    if (count === left) {
      this.#sending = undefined;
      this.sink.sent();
    } else if (count < 0) {
      this.#fail();
    } else if (count > 0) {
      this.#taken += count;
      this.sink.progress();
    }
  }

  received(chunk: Uint8Array): void {
    this.sink.received(chunk, false);
  }

  ended(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.sink.ended();
  }

  closed(error: Error | undefined): void {
    this.#closed = true;
    super.watch(false);
    if (this.#failed) this.sink.ended();
    else if (error) this.sink.failed(error, "read");
    // After our FIN the peer's is told by this alone.
    else if (this.#finished) this.ended();
    else if (!this.#ended) this.sink.failed(codeError("ECONNABORTED"), "read");
    // After its FIN the peer of a Unix socket is gone altogether: that concerns only what we write.
    else if (this.#sending) this.#fail();
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
    this.native.pause();
  }

  drain(): void {
    this.#flow();
  }

  send(data: Uint8Array): boolean {
    const count = this.native.write(data);
    if (count === data.length) return true;
    if (count < 0) {
      this.#fail();
      return false;
    }
    this.#sending = data;
    this.#taken = count;
    if (count > 0) this.sink.progress();
    return false;
  }

  unsent(): number {
    return 0;
  }

  finish(): void {
    this.#finished = true;
    if (!this.#closed) this.native.shutdown();
    this.sink.finished();
  }

  close(): void {
    this.#leave();
    if (!this.#closed) this.native.close();
  }

  reset(): void {
    this.#leave();
    if (!this.#closed) this.native.terminate();
  }

  override watch(on: boolean): void {
    // Of a TCP socket Bun tells in every state; of a Unix socket not while it is paused.
    if (this.unix && !this.#closed) super.watch(on);
  }

  setNoDelay(on: boolean): void {
    if (!this.unix) this.native.setNoDelay(on);
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
    this.native.resume();
  }

  /** A write was refused. Bun 1.4 does not say why, but its system call was the last one. */
  #fail(): void {
    this.#failed = true;
    this.#sending = undefined;
    const errno = this.native.readyState === 1 ? libc()?.errno() : undefined;
    this.sink.failed(errno ? errnoError("write", errno) : codeError("EPIPE"), "write");
  }

  /** Nothing is told any more: Bun calls back within its own `close`. */
  #leave(): void {
    this.#sending = undefined;
    this.native.data = deaf;
  }
}

const ignore = () => {};

/** Listens to a socket that nobody has, or that nobody has any more. */
export const deaf: SocketEvents = {
  opened: ignore,
  drained: ignore,
  received: ignore,
  ended: ignore,
  closed: ignore,
};

function codeError(code: string): Error {
  return Object.assign(new Error(`the socket is closed (${code})`), { code });
}
