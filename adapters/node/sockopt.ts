/**
 * Socket options on Node: `setsockopt(2)` by `node:ffi` or the package koffi,
 * else the handle's own setter.
 *
 * @module
 */
import type { AnySocket, Capabilities, KeepAlive, KeepAliveStatus } from "../../core/types.ts";
import type { Means, NativeCall } from "../../core/keepalive/model.ts";
import { validateKeepAlive } from "../../core/keepalive/validate.ts";
import type { ErrorContext } from "../../core/socket_error.ts";
import { capabilitiesFor, type Environment, type FfiState, meansFor } from "../../core/tables/capability.ts";
import { errnoName } from "../../core/tables/errno.ts";
import { sockoptNumbers } from "../../core/tables/sockopt.ts";
import { Descriptor, type Kernel } from "../shared/descriptor.ts";
import { type Door, isConnection } from "../shared/door.ts";
import { applyWishes, type Reach, readStatus } from "../shared/keepalive.ts";
import { bindLibc, type CFunctions, ERRNO_LOCATION, type Libc, SIGNATURES } from "../shared/libc.ts";
import {
  type ForeignNetSocket,
  handleOf,
  isNetSocket,
  isPipe,
  type NodeHandle,
  notASocket,
} from "../shared/node_sockets.ts";
import { Watcher } from "../shared/watcher.ts";
import { arch, builtin, os, runtime, unrefTimer, version } from "./host.ts";

/** The C library; `undefined` without FFI, or on a system whose option numbers are not known. */
export function libc(): Libc | undefined {
  return kernel()?.libc;
}

/** By what options can be set in this process. */
export function means(): Means {
  kernel();
  return ready!.means; // kernel() has made it
}

/** What this runtime, system and permission set can do. */
export function capabilities(): Capabilities {
  return capabilitiesFor(environment(bound().state));
}

/** The file descriptor of a connected `net.Socket`. */
export function descriptorOf(native: object): Descriptor | undefined {
  const found = kernel();
  const fd = (native as ForeignNetSocket)._handle?.fd ?? -1;
  return found && fd >= 0 ? new Descriptor(found, fd) : undefined;
}

/** The file descriptor of a `net.Server` that listens; in a cluster's worker it has none. */
export function listenerDescriptorOf(native: object): Descriptor | undefined {
  return descriptorOf(native);
}

/**
 * Sets keepalive by the handle, which gives the result: `net.Socket` drops
 * it, and does nothing when it believes that the values are held already.
 */
export function callNative(native: object, call: NativeCall): void {
  const handle = (native as ForeignNetSocket)._handle;
  const { enable, idleSeconds = 0, intervalSeconds, count } = call;
  const result = handle?.setKeepAlive?.(enable, idleSeconds, intervalSeconds, count);
  if (typeof result !== "number") throw withCode("ENOTCONN");
  // libuv has set SO_KEEPALIVE before it refuses an idle time of 0 (since 1.49): src/unix/tcp.c, uv__tcp_keepalive.
  if (result < 0 && idleSeconds > 0) throw withCode(errnoName(os(), -result) ?? `errno ${-result}`);
}

/** The watcher of this process; `undefined` without FFI. */
export function watcher(): Watcher | undefined {
  const library = libc();
  return library && (theWatcher ??= new Watcher(library, unrefTimer));
}

/** Sets keepalive of a connection of keepwire, or of a connected `net.Socket`. */
export function setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
  if (isConnection(socket)) return socket.setKeepAlive(options);
  const context: ErrorContext = { op: "setKeepAlive", runtime, os: os() };
  return applyWishes(validateKeepAlive(options), reach(socket, context), context);
}

/** Tells the keepalive of a connection of keepwire, or of a connected `net.Socket`. */
export function getKeepAlive(socket: AnySocket): KeepAliveStatus {
  if (isConnection(socket)) return socket.getKeepAlive();
  const context: ErrorContext = { op: "getKeepAlive", runtime, os: os() };
  return readStatus(reach(socket, context), context);
}

/** What the shared code needs of this runtime. */
export const door: Door = { means, descriptorOf, listenerDescriptorOf, callNative, watcher };

let theWatcher: Watcher | undefined;
let ready: { kernel?: Kernel; means: Means } | undefined;
let binding: { libc?: Libc; state: FfiState } | undefined;

function bound(): { libc?: Libc; state: FfiState } {
  return binding ??= bind();
}

function kernel(): Kernel | undefined {
  if (!ready) {
    const { libc, state } = bound();
    const numbers = sockoptNumbers(os(), arch());
    ready = { means: meansFor(environment(state)) };
    if (libc && numbers) ready.kernel = { libc, numbers, os: os() };
  }
  return ready.kernel;
}

function environment(ffi: FfiState): Environment {
  return { runtime, version: version(), os: os(), arch: arch(), ffi };
}

function reach(socket: AnySocket, context: ErrorContext): Reach {
  if (typeof socket !== "object" || socket === null || !isNetSocket(socket)) throw notASocket();
  const handle = handleOf(socket, context);
  const descriptor = descriptorOf(socket);
  const process = means();
  const native = typeof handle.setKeepAlive === "function" ? process.native : "none";
  // TLS over a stream that is no socket has no file descriptor, nor has any socket on Windows.
  const own = { ...process, native, ffi: descriptor ? process.ffi : [] };
  return {
    socket,
    unix: isPipe(handle),
    means: own,
    descriptor,
    callNative: (call) => callNative(socket, call),
  };
}

/** Tries `node:ffi`, then koffi. What failed first is what a hint can help with best. */
function bind(): { libc?: Libc; state: FfiState } {
  if (!sockoptNumbers(os(), arch()) || os() === "windows") return { state: { available: false } };
  let failed: FfiState | undefined;
  for (const [provider, load] of [["node:ffi", loadNodeFfi], ["koffi", loadKoffi]] as const) {
    try {
      const libc = load();
      if (libc) return { libc, state: { available: true, provider } };
    } catch (error) {
      failed ??= { available: false, provider, failure: codeOf(error) };
    }
  }
  return { state: failed ?? { available: false } };
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string };
  return code ?? name ?? "an error";
}

function withCode(code: string): Error {
  return Object.assign(new Error(`setKeepAlive failed with ${code}`), { code });
}

/** What is used of `node:ffi` (Node 26). */
interface NodeFfi {
  dlopen(
    path: string | null,
    symbols: Record<string, { arguments: readonly string[]; return: string }>,
  ): { functions: Record<string, (...args: unknown[]) => unknown> };
  getInt32(pointer: bigint): number;
  getRawPointer(memory: ArrayBufferView): bigint;
}

function loadNodeFfi(): Libc | undefined {
  const ffi = builtin<NodeFfi>("node:ffi");
  if (!ffi) return undefined;
  const types = { i32: "i32", u32: "u32", usize: "u64", pointer: "pointer" };
  const symbols: Record<string, { arguments: readonly string[]; return: string }> = {};
  for (const [name, args] of Object.entries(SIGNATURES)) {
    symbols[name] = { arguments: args.map((type) => types[type]), return: "i32" };
  }
  const location = ERRNO_LOCATION[os()];
  symbols[location] = { arguments: [], return: "pointer" };
  // null: the process itself, which has the C library in it, whatever its file is called.
  const { functions } = ffi.dlopen(null, symbols);
  const errno = functions[location]() as bigint; // a pointer; it stays the same for a thread
  return bindLibc({
    functions: functions as CFunctions, // as declared above
    errno: () => ffi.getInt32(errno),
    // A bigint passes twice as fast as an array.
    pointer: (memory) => ffi.getRawPointer(memory),
    size: BigInt,
  }, os());
}

/** What is used of koffi. */
interface Koffi {
  load(path: string | null): { func(declaration: string): (...args: unknown[]) => number };
  errno(): number;
}

/** What `import.meta` becomes in CommonJS is not the same with every bundler: there it is not asked. */
declare const require: unknown;

function loadKoffi(): Libc | undefined {
  const load = typeof require === "function"
    ? require as (id: string) => unknown // a bundler must not see it by its name: koffi is optional
    : builtin<{ createRequire(from: string): (id: string) => unknown }>("node:module")!
      .createRequire(import.meta.url);
  const koffi = load("koffi") as Koffi;
  const library = koffi.load(null);
  const types = { i32: "int", u32: "unsigned int", usize: "size_t", pointer: "void *" };
  const functions: Record<string, (...args: unknown[]) => number> = {};
  for (const [name, args] of Object.entries(SIGNATURES)) {
    functions[name] = library.func(`int ${name}(${args.map((type) => types[type]).join(", ")})`);
  }
  return bindLibc({ functions: functions as CFunctions, errno: () => koffi.errno() }, os());
}

export type { ForeignNetSocket, NodeHandle };
