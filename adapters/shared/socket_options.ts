/**
 * The way of a process to the options of its sockets: the FFI, bound once,
 * and the runtime's own calls.
 *
 * @module
 */
import type {
  AnySocket,
  Capabilities,
  Connection,
  HealthEvent,
  KeepAlive,
  KeepAliveStatus,
  Runtime,
  TcpInfo,
  WatchHealthOptions,
} from "../../core/types.ts";
import {
  capabilitiesFor,
  type Environment,
  type FfiState,
  meansFor,
  refusalToOpen,
} from "../../core/capability.ts";
import type { KernelTimers } from "../../core/keepalive/kernel_timers.ts";
import type { Means, NativeCall } from "../../core/keepalive/model.ts";
import { validateKeepAlive } from "../../core/keepalive/validate.ts";
import { HealthClock } from "../../core/health/clock.ts";
import { validateWatching } from "../../core/health/validate.ts";
import { Watch } from "../../core/health/watch.ts";
import { type ErrorContext, unsupportedOption } from "../../core/socket_error.ts";
import { tellsHealth } from "../../core/tcp_info.ts";
import { sockoptNumbers } from "../../core/tables/sockopt.ts";
import type { Descriptor, Kernel } from "./descriptor.ts";
import type { Door } from "./door.ts";
import { readInfo } from "./info.ts";
import { applyWishes, type Reach, readStatus } from "./keepalive.ts";
import type { Libc } from "./libc.ts";
import { systemTimers } from "./timers.ts";
import { Watcher } from "./watcher.ts";

/** What came of the attempt to reach the C library. */
export interface Bound {
  libc?: Libc;
  state: FfiState;
}

/** A socket that is reached for one call only. */
export interface Borrowed extends Reach {
  /** To be called after it. */
  release?(): void;
}

/** What differs by runtime. */
export interface RuntimeSockets {
  runtime: Runtime;
  version(): string;
  os(): string;
  arch(): string;
  /** The text of a file; `undefined` where it cannot be read without asking for permission. */
  readText(path: string): string | undefined;
  unrefTimer(timer: unknown): void;
  /** Reaches for the C library. Asked once for each change of `grant`. */
  bind(): Bound;
  /** What FFI depends on besides, when that can change while the process runs; asked often while there is no FFI. */
  grant?(): string;
  /** The file descriptor of a connected socket; `undefined` where it cannot be known for sure. */
  descriptorOf(kernel: Kernel, native: object): Descriptor | undefined;
  /** The file descriptor of a listening socket; `undefined` where it cannot be known for sure. */
  listenerDescriptorOf(kernel: Kernel, native: object): Descriptor | undefined;
  /** Calls the runtime's own setter; throws when it says that it failed. */
  callNative(native: object, call: NativeCall): void;
  /** Reaches a socket that the caller opened; throws a `TypeError` for what is none, `ENOTCONN` for what is not connected. */
  borrow(socket: object, options: SocketOptions, context: ErrorContext): Borrowed;
}

/** The socket options of one process. Nothing of the runtime is touched before the first call. */
export class SocketOptions implements Door {
  readonly #sockets: RuntimeSockets;
  #grant: string | undefined;
  #bound: Bound = { state: { available: false } };
  #kernel: Kernel | undefined;
  #means: Means | undefined;
  #refusal: string | undefined;
  #watcher: Watcher | undefined;
  #clock: HealthClock | undefined;
  #timers: KernelTimers | undefined;

  constructor(sockets: RuntimeSockets) {
    this.#sockets = sockets;
  }

  /** The C library with its numbers; `undefined` without FFI, or on a system whose numbers are not known. */
  get kernel(): Kernel | undefined {
    if (this.#kernel === undefined) this.#bind();
    return this.#kernel;
  }

  refusal(): string | undefined {
    if (this.#refusal === undefined) {
      const { runtime, version } = this.#sockets;
      const reason = refusalToOpen(runtime, version());
      // Comparing versions costs more than the plan of a connection's options.
      this.#refusal = reason === undefined ? "" : `not on ${runtime} ${version()}: ${reason}`;
    }
    return this.#refusal || undefined;
  }

  means(): Means {
    if (this.#kernel === undefined) this.#bind();
    return this.#means ??= meansFor(this.#environment());
  }

  readonly timers = (): KernelTimers | undefined => {
    if (this.#sockets.os() !== "linux") return undefined;
    return this.#timers ??= systemTimers((path) => this.#sockets.readText(path));
  };

  watcher(): Watcher | undefined {
    const { kernel } = this;
    return kernel && (this.#watcher ??= new Watcher(kernel.libc, this.#sockets.unrefTimer));
  }

  /** What this runtime, operating system and permission set can do. */
  capabilities(): Capabilities {
    if (this.#kernel === undefined) this.#bind();
    return capabilitiesFor(this.#environment());
  }

  descriptorOf(native: object): Descriptor | undefined {
    const { kernel } = this;
    return kernel && this.#sockets.descriptorOf(kernel, native)?.remember();
  }

  listenerDescriptorOf(native: object): Descriptor | undefined {
    const { kernel } = this;
    return kernel && this.#sockets.listenerDescriptorOf(kernel, native)?.remember();
  }

  callNative(native: object, call: NativeCall): void {
    this.#sockets.callNative(native, call);
  }

  /** Sets keepalive of a connection of ours, or of a connected socket that the caller opened. */
  setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
    if (isConnection(socket)) return socket.setKeepAlive(options);
    const wishes = validateKeepAlive(options);
    return this.#withForeign(socket, "setKeepAlive", (reach, context) => applyWishes(wishes, reach, context));
  }

  /** Tells the keepalive of such a socket. */
  getKeepAlive(socket: AnySocket): KeepAliveStatus {
    if (isConnection(socket)) return socket.getKeepAlive();
    return this.#withForeign(socket, "getKeepAlive", readStatus);
  }

  /** What the kernel tells of such a socket; `undefined` where that cannot be read. */
  tcpInfo(socket: AnySocket): TcpInfo | undefined {
    if (isConnection(socket)) return socket.info();
    return this.#withForeign(socket, "tcpInfo", readInfo);
  }

  /** Tells of connections whose peer is suspected, has recovered or is dead. */
  watchHealth(
    connections: Connection | Iterable<Connection>,
    options?: WatchHealthOptions,
  ): AsyncIterable<HealthEvent> {
    const watching = validateWatching(connections, options);
    const { runtime, os } = this.#sockets;
    if (!this.kernel || !tellsHealth(os())) {
      const { hint = `${os()} does not tell of unanswered probes` } = this.capabilities().tcpInfo;
      const where = this.means().runtime;
      throw unsupportedOption({ verb: "read", options: ["TCP_INFO"], where, hint }, {
        op: "watchHealth",
        runtime,
        os: os(),
      });
    }
    this.#clock ??= new HealthClock(this.#sockets.unrefTimer);
    const clock = this.#clock;
    return { [Symbol.asyncIterator]: () => new Watch(watching, clock) };
  }

  #withForeign<T>(
    socket: unknown,
    op: ErrorContext["op"],
    use: (reach: Reach, context: ErrorContext) => T,
  ): T {
    if (typeof socket !== "object" || socket === null) throw notASocket();
    const context: ErrorContext = { op, runtime: this.#sockets.runtime, os: this.#sockets.os() };
    const borrowed = this.#sockets.borrow(socket, this, context);
    borrowed.timers = this.timers;
    try {
      return use(borrowed, context);
    } finally {
      borrowed.release?.();
    }
  }

  #bind(): void {
    const grant = this.#sockets.grant?.() ?? "";
    if (grant === this.#grant) return;
    this.#grant = grant;
    this.#means = undefined;
    const { os, arch, bind } = this.#sockets;
    const numbers = sockoptNumbers(os(), arch());
    if (!numbers) return;
    this.#bound = bind();
    const { libc } = this.#bound;
    if (libc) this.#kernel = { libc, numbers, os: os() };
  }

  #environment(): Environment {
    const { runtime, version, os, arch } = this.#sockets;
    return { runtime, version: version(), os: os(), arch: arch(), ffi: this.#bound.state };
  }
}

/** The means of a socket whose file descriptor is not known. */
export function withoutFfi(means: Means): Means {
  return means.ffi.length === 0 ? means : { ...means, ffi: [] };
}

/** The code of the error with which loading FFI failed, for the hint. */
export function failureOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }; // whatever was thrown, in practice an Error
  return typeof code === "string" ? code : String(name ?? "an error");
}

/** The error for what is no socket at all: one text on each runtime. */
export function notASocket(): TypeError {
  return new TypeError(
    "Cannot use socket: expected a Connection of keepwire, a net.Socket, a Deno.TcpConn, or a Socket of Bun or workerd",
  );
}

/** Whether this is a connection of keepwire, of whichever copy of it: an ES module and a CommonJS one may be loaded together. */
function isConnection(socket: AnySocket): socket is Connection {
  if (typeof socket !== "object" || socket === null) return false;
  const { setKeepAlive, getKeepAlive } = socket as Partial<Connection>; // any object may be asked for a property
  return typeof setKeepAlive === "function" && typeof getKeepAlive === "function" && "native" in socket;
}
