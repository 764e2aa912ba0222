/**
 * Socket options on Node: `setsockopt(2)` by `node:ffi` or the package koffi,
 * else the handle's own setter.
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
import type { FfiState } from "../../core/capability.ts";
import type { NativeCall } from "../../core/keepalive/model.ts";
import type { ErrorContext } from "../../core/socket_error.ts";
import { errnoName } from "../../core/tables/errno.ts";
import { Descriptor, type Kernel } from "../shared/descriptor.ts";
import { bindLibc, type CFunctions, ERRNO_LOCATION, type Libc, SIGNATURES } from "../shared/libc.ts";
import { handleOf, isNetSocket, isPipe, type NodeHandle, overStream } from "../shared/node_sockets.ts";
import {
  type Borrowed,
  type Bound,
  failureOf,
  notASocket,
  SocketOptions,
  withoutFfi,
} from "../shared/socket_options.ts";
import { arch, builtin, host, os, readText, runtime, unrefTimer, version } from "./host.ts";

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

/** What this runtime, operating system and permission set can do. */
export function capabilities(): Capabilities {
  return door.capabilities();
}

/** Calls the runtime's own setter; throws when it says that it failed. */
export function callNative(native: object, call: NativeCall): void {
  // Not by the socket: it drops the result, and does nothing when it believes that the values are held already.
  const handle = (native as { _handle?: NodeHandle | null })._handle;
  const { enable, idleSeconds = 0, intervalSeconds, count } = call;
  const result = handle?.setKeepAlive?.(enable, idleSeconds, intervalSeconds, count);
  if (typeof result !== "number") throw nativeFailure("ENOTCONN");
  // libuv has set SO_KEEPALIVE when it refuses the idle time 0 (since 1.49, src/unix/tcp.c: uv__tcp_keepalive).
  if (result < 0 && idleSeconds > 0) throw nativeFailure(errnoName(os(), -result) ?? `errno ${-result}`);
}

/** Sets keepalive of a connection of keepwire, or of a connected `net.Socket`. */
export function setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
  return door.setKeepAlive(socket, options);
}

/** Tells the keepalive of a connection of keepwire, or of a connected `net.Socket`. */
export function getKeepAlive(socket: AnySocket): KeepAliveStatus {
  return door.getKeepAlive(socket);
}

/** What the kernel tells of a connection of keepwire, or of a connected `net.Socket`. */
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

/** In a cluster's worker the handle of a server has no file descriptor. */
function descriptorIn(kernel: Kernel, native: object): Descriptor | undefined {
  const handle = (native as { _handle?: NodeHandle | null })._handle;
  const fd = handle?.fd ?? -1;
  return handle && fd >= 0 ? new Descriptor(kernel, fd, handle) : undefined;
}

function borrow(socket: object, options: SocketOptions, context: ErrorContext): Borrowed {
  if (!isNetSocket(socket)) throw notASocket();
  const handle = handleOf(socket, context);
  // On Windows no socket has a file descriptor.
  if (!((handle.fd ?? -1) >= 0) && os() !== "windows") throw overStream(context);
  const { kernel } = options;
  const descriptor = kernel && descriptorIn(kernel, socket);
  const means = descriptor ? options.means() : withoutFfi(options.means());
  const native = handle.setKeepAlive ? means.native : "none";
  return {
    socket,
    unix: isPipe(handle),
    means: { ...means, native },
    descriptor,
    callNative: (call) => callNative(socket, call),
  };
}

function nativeFailure(code: string): Error {
  return Object.assign(new Error(`setKeepAlive failed with ${code}`), { code });
}

/** Tries `node:ffi`, then koffi. With what failed first a hint can help best. */
function bind(): Bound {
  let failed: FfiState | undefined;
  for (const [provider, load] of [["node:ffi", loadNodeFfi], ["koffi", loadKoffi]] as const) {
    try {
      const libc = load();
      if (libc) return { libc, state: { available: true, provider } };
    } catch (error) {
      failed ??= { available: false, provider, failure: failureOf(error) };
    }
  }
  return { state: failed ?? { available: false } };
}

/** What is used of `node:ffi` (Node 26). */
interface NodeFfi {
  dlopen(path: string | null, symbols: Record<string, NodeFfiSignature>): {
    functions: Record<string, (...args: unknown[]) => unknown>;
  };
  getInt32(pointer: bigint): number;
  getRawPointer(memory: ArrayBufferView): bigint;
}

interface NodeFfiSignature {
  arguments: readonly string[];
  return: string;
}

/** What is used of `node:module`. */
interface NodeModule {
  isBuiltin(id: string): boolean;
  createRequire(from: string): (id: string) => unknown;
}

function loadNodeFfi(): Libc | undefined {
  const location = ERRNO_LOCATION[os()];
  const { isBuiltin } = builtin<NodeModule>("node:module")!; // every Node has it
  if (!location || !isBuiltin("node:ffi")) return undefined;
  // Asked first: loading it prints a warning, also where it is of no use then.
  if (host().permission?.has("ffi") === false) {
    throw Object.assign(new Error("FFI is not permitted"), { code: "ERR_ACCESS_DENIED" });
  }
  const ffi = builtin<NodeFfi>("node:ffi")!; // it is there
  const types = { i32: "i32", u32: "u32", usize: "u64", pointer: "pointer" };
  const symbols: Record<string, NodeFfiSignature> = { [location]: { arguments: [], return: "pointer" } };
  for (const [name, args] of Object.entries(SIGNATURES)) {
    symbols[name] = { arguments: args.map((type) => types[type]), return: "i32" };
  }
  // null is the process itself, which has the C library in it, whatever its file is called.
  const { functions } = ffi.dlopen(null, symbols);
  const errno = functions[location]() as bigint; // a pointer, by its signature; it stays the same for a thread
  return bindLibc({
    functions: functions as CFunctions, // by their signatures
    errno: () => ffi.getInt32(errno),
    // A bigint passes faster than an array.
    pointer: (memory) => ffi.getRawPointer(memory),
    size: BigInt,
  }, os());
}

/** What is used of koffi. */
interface Koffi {
  load(path: string | null): { func(declaration: string): (...args: unknown[]) => number };
  errno(): number;
}

declare const require: unknown;

function loadKoffi(): Libc {
  const koffi = requireOwn()("koffi") as Koffi;
  const library = koffi.load(null);
  const types = { i32: "int", u32: "unsigned int", usize: "size_t", pointer: "void *" };
  const functions: Partial<CFunctions> = {};
  for (const name of Object.keys(SIGNATURES) as (keyof CFunctions)[]) { // the table has no other keys
    const args = SIGNATURES[name].map((type) => types[type]).join(", ");
    functions[name] = library.func(`int ${name}(${args})`);
  }
  return bindLibc({ functions: functions as CFunctions, errno: () => koffi.errno() }, os()); // filled just now
}

/** Resolves from where this file lies, never from the working directory. A bundler does not see what is required by it. */
function requireOwn(): (id: string) => unknown {
  // In CommonJS, where each bundler makes something else of import.meta.
  if (typeof require === "function") return require as (id: string) => unknown; // Node's own
  const { createRequire } = builtin<NodeModule>("node:module")!; // every Node has it
  return createRequire(import.meta.url);
}
