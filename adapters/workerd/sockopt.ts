/**
 * Socket options on workerd, which has none: what was asked for by default
 * stands in `notApplied`, what was asked for explicitly is refused.
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
import { isNetSocket } from "../shared/node_sockets.ts";
import { type Borrowed, notASocket, SocketOptions } from "../shared/socket_options.ts";
import { arch, os, readText, runtime, unrefTimer, version } from "./host.ts";

/** The way to the options of this runtime's sockets. */
export const door: SocketOptions = new SocketOptions({
  runtime,
  version,
  os,
  arch,
  readText,
  unrefTimer,
  bind: () => ({ state: { available: false } }),
  descriptorOf: () => undefined,
  listenerDescriptorOf: () => undefined,
  callNative,
  borrow,
});

/** What this runtime can do. */
export function capabilities(): Capabilities {
  return door.capabilities();
}

/** Does nothing: no plan for this runtime has a call in it. */
export function callNative(): void {}

/** Sets keepalive of a connection of keepwire, or of a `Socket` of `cloudflare:sockets`: nothing can be set. */
export function setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
  return door.setKeepAlive(socket, options);
}

/** Tells what was asked of a connection of keepwire, or of a `Socket` of `cloudflare:sockets`. */
export function getKeepAlive(socket: AnySocket): KeepAliveStatus {
  return door.getKeepAlive(socket);
}

/** `undefined`: workerd does not tell what the kernel knows. */
export function tcpInfo(socket: AnySocket): TcpInfo | undefined {
  return door.tcpInfo(socket);
}

/** Is refused: workerd does not tell what the kernel knows. */
export function watchHealth(
  connections: Connection | Iterable<Connection>,
  options?: WatchHealthOptions,
): AsyncIterable<HealthEvent> {
  return door.watchHealth(connections, options);
}

function borrow(socket: object, options: SocketOptions): Borrowed {
  if (!isWorkerdSocket(socket) && !isNetSocket(socket)) throw notASocket();
  return { socket, unix: false, means: options.means() };
}

/** By its shape: the class has no name that could be reached. */
function isWorkerdSocket(socket: object): boolean {
  return "opened" in socket && "closed" in socket && "startTls" in socket && "readable" in socket;
}
