/**
 * Socket options on Bun: `setsockopt(2)` by `bun:ffi`, else the socket's own
 * setter.
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
  TcpInfo,
  WatchHealthOptions,
} from "../../core/types.ts";
import type { NativeCall } from "../../core/keepalive/model.ts";
import type { ErrorContext } from "../../core/socket_error.ts";
import { Descriptor, type Kernel } from "../shared/descriptor.ts";
import {
  bindLibc,
  type CFunctions,
  ERRNO_LOCATION,
  type Libc,
  libraryNames,
  SIGNATURES,
} from "../shared/libc.ts";
import { handleOf, isNetSocket, notConnected, overStream } from "../shared/node_sockets.ts";
import {
  type Borrowed,
  type Bound,
  failureOf,
  notASocket,
  SocketOptions,
  withoutFfi,
} from "../shared/socket_options.ts";
import { arch, builtin, os, readText, runtime, unrefTimer, version } from "./host.ts";

/** The way to the options of this runtime's sockets. */
export const door: SocketOptions = new SocketOptions({
  runtime,
  version,
  os,
  arch,
  readText,
  unrefTimer,
  bind,
  descriptorOf: descriptorIn,
  listenerDescriptorOf: descriptorIn,
  callNative,
  borrow,
});

/** The C library; `undefined` without FFI, or on a system whose option numbers are not known. */
export function libc(): Libc | undefined {
  return door.kernel?.libc;
}

/** What this runtime, operating system and permission set can do. */
export function capabilities(): Capabilities {
  return door.capabilities();
}

/** Calls the runtime's own setter; throws when it says that it failed. */
export function callNative(native: object, call: NativeCall): void {
  const { enable, idleSeconds } = call;
  const milliseconds = idleSeconds === undefined ? 0 : idleSeconds * 1000;
  const done = innerOf(native).setKeepAlive(enable, milliseconds);
  // Without an idle time Bun before 1.4 says false and has set it: https://github.com/oven-sh/bun/pull/34269
  if (done || (idleSeconds === undefined && /^1\.[0-3]\./.test(version()))) return;
  throw Object.assign(new Error("setKeepAlive failed"), { code: "EINVAL" });
}

/** Sets keepalive of a connection of keepwire, or of a connected socket of Bun. */
export function setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
  return door.setKeepAlive(socket, options);
}

/** Tells the keepalive of a connection of keepwire, or of a connected socket of Bun. */
export function getKeepAlive(socket: AnySocket): KeepAliveStatus {
  return door.getKeepAlive(socket);
}

/** What the kernel tells of a connection of keepwire, or of a connected socket of Bun. */
export function tcpInfo(socket: AnySocket): TcpInfo | undefined {
  return door.tcpInfo(socket);
}

/** Tells of connections whose peer is suspected, has recovered or is dead. */
export function watchHealth(
  connections: Connection | Iterable<Connection>,
  options?: WatchHealthOptions,
): AsyncIterable<HealthEvent> {
  return door.watchHealth(connections, options);
}

/** What is used of Bun's `Socket`, which also lies under a `net.Socket`. */
interface BunSocket {
  /** -1 when it is closed. */
  readonly fd: number;
  readonly readyState: number;
  readonly remoteAddress?: string;
  /** The delay is in milliseconds; gives whether it worked. */
  setKeepAlive(enable: boolean, initialDelay: number): boolean;
}

function innerOf(native: object): BunSocket {
  return (native as { _handle?: BunSocket })._handle ?? native as BunSocket; // recognised before
}

function descriptorIn(kernel: Kernel, native: object): Descriptor | undefined {
  const inner = innerOf(native);
  return inner.fd >= 0 ? new Descriptor(kernel, inner.fd, inner) : undefined;
}

function borrow(socket: object, options: SocketOptions, context: ErrorContext): Borrowed {
  if (isNetSocket(socket)) handleOf(socket, context);
  else if (!isBunSocket(socket)) throw notASocket();
  const inner = innerOf(socket);
  if (!(inner.fd >= 0)) throw isNetSocket(socket) ? overStream(context) : notConnected("closed", context);
  const { kernel } = options;
  const descriptor = kernel && descriptorIn(kernel, socket);
  const means = descriptor ? options.means() : withoutFfi(options.means());
  return {
    socket,
    unix: descriptor ? descriptor.isUnix() : inner.remoteAddress === undefined,
    means: typeof inner.setKeepAlive === "function" ? means : { ...means, native: "none" },
    descriptor,
    callNative: (call) => callNative(socket, call),
  };
}

function isBunSocket(socket: object): socket is BunSocket {
  const { fd, setKeepAlive } = socket as Partial<BunSocket>; // any object may be asked for a property
  return "readyState" in socket && typeof fd === "number" && typeof setKeepAlive === "function";
}

/** What is used of `bun:ffi`. */
interface BunFfi {
  dlopen(path: string, symbols: Record<string, BunFfiSignature>): {
    symbols: Record<string, (...args: unknown[]) => unknown>;
  };
  read: { i32(pointer: number, offset: number): number };
}

interface BunFfiSignature {
  args: readonly string[];
  returns: string;
}

function bind(): Bound {
  let failure = "no bun:ffi";
  const ffi = builtin<BunFfi>("bun:ffi");
  for (const path of ffi ? libraryNames(os(), arch()) : []) {
    try {
      return { libc: load(ffi!, path), state: { available: true, provider: "bun:ffi" } };
    } catch (error) {
      failure = failureOf(error);
    }
  }
  return { state: { available: false, provider: "bun:ffi", failure } };
}

function load(ffi: BunFfi, path: string): Libc {
  const types = { i32: "i32", u32: "u32", usize: "usize", pointer: "ptr" };
  const location = ERRNO_LOCATION[os()];
  const declared: Record<string, BunFfiSignature> = { [location]: { args: [], returns: "ptr" } };
  for (const [name, args] of Object.entries(SIGNATURES)) {
    declared[name] = { args: args.map((type) => types[type]), returns: "i32" };
  }
  const { symbols } = ffi.dlopen(path, declared);
  const errno = symbols[location]() as number; // a pointer, by its signature; it stays the same for a thread
  return bindLibc({
    functions: symbols as CFunctions, // by their signatures
    errno: () => ffi.read.i32(errno, 0),
  }, os());
}
