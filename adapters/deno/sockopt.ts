/**
 * Socket options on Deno: `setsockopt(2)` by `Deno.dlopen` where FFI is
 * permitted already, else the connection's own switch.
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
import { type ErrorContext, toSocketError } from "../../core/socket_error.ts";
import { Descriptor, type Kernel } from "../shared/descriptor.ts";
import { anticipate, type End, findConnected, findListening } from "../shared/find_descriptor.ts";
import {
  bindLibc,
  type CFunctions,
  ERRNO_LOCATION,
  type Libc,
  libraryNames,
  SIGNATURES,
} from "../shared/libc.ts";
import {
  type ForeignNetSocket,
  handleOf,
  isNetSocket,
  isPipe,
  notConnected,
} from "../shared/node_sockets.ts";
import {
  type Borrowed,
  type Bound,
  failureOf,
  notASocket,
  SocketOptions,
  withoutFfi,
} from "../shared/socket_options.ts";
import { arch, type ForeignSymbol, host, os, readText, runtime, unrefTimer, version } from "./host.ts";

/** The way to the options of this runtime's sockets. */
export const door: SocketOptions = new SocketOptions({
  runtime,
  version,
  os,
  arch,
  readText,
  unrefTimer,
  bind,
  grant,
  descriptorOf: descriptorOfConn,
  listenerDescriptorOf: descriptorOfListener,
  callNative,
  borrow,
});

/** What this runtime, operating system and permission set can do. */
export function capabilities(): Capabilities {
  return door.capabilities();
}

/** To be called before a connection is awaited, whose file descriptor is then found at once. */
export function anticipateDescriptor(): void {
  const { kernel } = door;
  if (kernel) anticipate(kernel.libc);
}

/** Calls the runtime's own setter; throws when it says that it failed. */
export function callNative(native: object, call: NativeCall): void {
  if (isNetSocket(native)) native._handle?.setKeepAlive?.(call.enable, 0);
  else (native as TcpConn).setKeepAlive(call.enable); // an object, as newer versions may take, switches it off in 2.9
}

/** Sets keepalive of a connection of keepwire, or of a connected socket of Deno or of its `node:net`. */
export function setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
  return door.setKeepAlive(socket, options);
}

/** Tells the keepalive of a connection of keepwire, or of a connected socket of Deno or of its `node:net`. */
export function getKeepAlive(socket: AnySocket): KeepAliveStatus {
  return door.getKeepAlive(socket);
}

/** What the kernel tells of a connection of keepwire, or of a connected socket of Deno or of its `node:net`. */
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

/** What is used of a `Deno.TcpConn`; its addresses stay when it is closed. */
interface TcpConn {
  readonly localAddr: End & { transport: string };
  readonly remoteAddr: End & { transport: string };
  setKeepAlive(enable: boolean): void;
  setNoDelay(enable: boolean): void;
}

/** What was found, by connection or listener. Before each use SO_COOKIE tells whether it is still the same socket. */
const remembered = new WeakMap<object, Descriptor>();
/** Listening sockets whose listener is known: with SO_REUSEPORT others have the same address. */
const taken = new Map<number, Descriptor>();

/** For a connection that has just been opened, and afterwards. */
function descriptorOfConn(kernel: Kernel, native: object): Descriptor | undefined {
  return recall(native) ?? locate(kernel, native as TcpConn);
}

function descriptorOfListener(kernel: Kernel, native: object): Descriptor | undefined {
  const known = recall(native);
  if (known) return known;
  const { addr } = native as { addr: End & { transport: string } };
  if (addr.transport !== "tcp") return undefined;
  const found = findListening(kernel, addr, (other) => taken.get(other.fd)?.isSame() ?? false);
  if (found) taken.set(found.fd, remember(native, found));
  return found;
}

function recall(native: object): Descriptor | undefined {
  const known = remembered.get(native);
  return known?.isSame() ? known : undefined;
}

function remember(native: object, found: Descriptor): Descriptor {
  // Where the system has no identity of sockets, each use looks anew.
  if (found.remember().cookie !== undefined) remembered.set(native, found);
  return found;
}

function locate(
  kernel: Kernel,
  conn: TcpConn,
  proves?: (descriptor: Descriptor) => boolean,
): Descriptor | undefined {
  // A client's end of a Unix socket has no address.
  if (conn.localAddr.transport !== "tcp") return undefined;
  const found = findConnected(kernel, conn.localAddr, conn.remoteAddr, proves);
  return found && remember(conn, found);
}

/**
 * The file descriptor of a connection that may be closed, or dead while
 * another socket has got its addresses: TCP_NODELAY, changed by Deno's own
 * call, must show at the file descriptor. It is put back at once.
 */
function locateForeign(kernel: Kernel, conn: TcpConn, context: ErrorContext): Descriptor {
  const found = locate(kernel, conn, (descriptor) => {
    const { noDelay } = descriptor;
    try {
      conn.setNoDelay(!noDelay);
    } catch (error) {
      // A write is pending, which only an open connection can have; a closed one has another error.
      return toSocketError(error, context).code === "EBUSY";
    }
    const isIt = descriptor.noDelay !== noDelay;
    conn.setNoDelay(noDelay);
    return isIt;
  });
  if (!found) throw notConnected("closed", context);
  return found;
}

function borrow(socket: object, options: SocketOptions, context: ErrorContext): Borrowed {
  if (isNetSocket(socket)) return borrowNetSocket(socket, options, context);
  if (!isConn(socket)) throw notASocket();
  const { kernel } = options;
  const unix = socket.remoteAddr.transport !== "tcp";
  const descriptor = kernel && !unix ? recall(socket) ?? locateForeign(kernel, socket, context) : undefined;
  return { socket, unix, means: options.means(), descriptor, callNative: (call) => callNative(socket, call) };
}

function isConn(socket: object): socket is TcpConn {
  const { localAddr, remoteAddr, setKeepAlive } = socket as Partial<TcpConn>; // any object may be asked for a property
  return Boolean(localAddr && remoteAddr) &&
    (typeof setKeepAlive === "function" || remoteAddr?.transport === "unix");
}

/** A socket of Deno's layer of `node:net`. */
function borrowNetSocket(
  socket: ForeignNetSocket,
  options: SocketOptions,
  context: ErrorContext,
): Borrowed {
  const handle = handleOf(socket, context);
  const { kernel } = options;
  // Since 2.8.3; a duplicate, which is ours to close: https://github.com/denoland/deno/pull/33605
  const copy = kernel ? handle.fdForIpc?.() ?? -1 : -1;
  const descriptor = kernel && copy >= 0 ? new Descriptor(kernel, copy) : undefined;
  return {
    socket,
    unix: isPipe(handle),
    means: descriptor ? options.means() : withoutFfi(options.means()),
    descriptor,
    callNative: (call) => callNative(socket, call),
    release: () => void (copy >= 0 && kernel?.libc.close(copy)),
  };
}

/** Which file of the C library FFI may open, or `""`. Asks for nothing: a permission that would have to be asked for counts as none. */
function grant(): string {
  const { permissions } = host();
  const whole = permissions.querySync({ name: "ffi" });
  if (whole.state === "granted" && !whole.partial) return "*";
  if (whole.state === "denied") return "";
  // Deno looks for a bare name in the working directory when only some paths are permitted.
  const paths = libraryNames(os(), arch()).filter((path) => path.startsWith("/"));
  const states = paths.map((path) => permissions.querySync({ name: "ffi", path }).state);
  // Who denies one name of the file means the file.
  return states.includes("denied") ? "" : paths.filter((_, i) => states[i] === "granted").join(":");
}

function bind(): Bound {
  const granted = grant();
  const paths = granted === "*" ? libraryNames(os(), arch()) : granted.split(":").filter(Boolean);
  let failure: string | undefined;
  for (const path of paths) {
    try {
      return { libc: load(path), state: { available: true, provider: "deno" } };
    } catch (error) {
      failure = failureOf(error);
    }
  }
  return { state: { available: false, provider: "deno", failure } };
}

function load(path: string): Libc {
  const types = { i32: "i32", u32: "u32", usize: "usize", pointer: "buffer" };
  const location = ERRNO_LOCATION[os()];
  const declared: Record<string, ForeignSymbol> = {
    [location]: { parameters: [], result: "usize" },
    memcpy: { parameters: ["buffer", "usize", "usize"], result: "usize" },
  };
  for (const [name, args] of Object.entries(SIGNATURES)) {
    declared[name] = { parameters: args.map((type) => types[type]), result: "i32" };
  }
  const { symbols } = host().dlopen(path, declared);
  const pointer = symbols[location](); // it stays the same for a thread
  const errno = new Int32Array(1);
  return bindLibc({
    functions: symbols as CFunctions, // by their signatures
    errno: () => {
      // Deno.UnsafePointerView wants the whole of FFI permitted, and not only this library.
      symbols.memcpy(errno, pointer, 4);
      return errno[0];
    },
  }, os());
}
