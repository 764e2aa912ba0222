/**
 * Picks the adapter for the runtime it runs on, on first use: the choice is
 * synchronous, and importing touches nothing.
 *
 * @module
 */
import type {
  AnySocket,
  Capabilities,
  Connection,
  ConnectOptions,
  HealthEvent,
  KeepAlive,
  KeepAliveStatus,
  Listener,
  ListenOptions,
  TcpInfo,
  WatchHealthOptions,
} from "../core/types.ts";
import * as bun from "./bun/mod.ts";
import * as deno from "./deno/mod.ts";
import * as node from "./node/mod.ts";
import { isWorkerd } from "./workerd/host.ts";
import * as workerd from "./workerd/mod.ts";

type Adapter = typeof node;

let selected: Adapter | undefined;

/** In this order: Deno, Bun and workerd have a `process` too. */
function adapter(): Adapter {
  return selected ??= select();
}

function select(): Adapter {
  const global = globalThis as { Deno?: unknown; Bun?: unknown; process?: unknown };
  if (global.Deno) return deno;
  if (global.Bun) return bun;
  if (isWorkerd()) return workerd;
  if (global.process) return node;
  throw new TypeError("keepwire has no adapter for this runtime: it runs on Node, Deno, Bun and workerd");
}

/**
 * Opens a connection to a TCP port or a Unix socket.
 *
 * The connection holds the keepalive that was asked for when this resolves;
 * what cannot be held is refused before anything is opened.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {UnsupportedOptionError} An explicit keepalive value cannot be held here; see `hint`.
 * @throws {SocketError} `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, `ENOENT`, … Of TLS: `CERT_UNTRUSTED`,
 * `CERT_HAS_EXPIRED`, `CERT_NOT_YET_VALID`, `ERR_TLS_CERT_ALTNAME_INVALID`, `EPROTO`; before anything is opened
 * `EINVAL`, a certificate or key that cannot be read, and `ENOTSUP`. The signal's own reason when it aborts.
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
export function connect(options: ConnectOptions): Promise<Connection> {
  return adapter().connect(options);
}

/**
 * Listens on a TCP port or a Unix socket.
 *
 * Every connection that is handed out holds the keepalive that was asked for,
 * those included that came before the options could be set.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {UnsupportedOptionError} An explicit keepalive value cannot be held here; see `hint`.
 * @throws {SocketError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENOTFOUND`, … Of TLS: `EINVAL`, a certificate or
 * key that cannot be read, and `ENOTSUP`. The signal's own reason when it has aborted.
 *
 * @example
 * ```ts
 * import { listen } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(listener.getKeepAlive().enabled);
 * ```
 */
export function listen(options: ListenOptions): Promise<Listener> {
  return adapter().listen(options);
}

/**
 * Sets keepalive of a connected socket: a keepwire `Connection`, or one that
 * you opened yourself (`net.Socket`, `Deno.TcpConn`, Bun's `Socket`). Either
 * all of it is applied or nothing, and the status says what the socket holds.
 *
 * @param options `true` for the defaults, `false` for off, or values; see {@link KeepAlive}.
 * @throws {TypeError | RangeError} A value has the wrong shape or is out of range, or this is no socket.
 * @throws {UnsupportedOptionError} An explicit value cannot be held here; see `hint`.
 * @throws {SocketError} `ENOTCONN`: not connected yet, or closed.
 *
 * @example
 * ```ts
 * import { connect, listen, setKeepAlive } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * await using connection = await connect({ port: listener.address.port });
 * await using accepted = await listener.accept();
 * console.log(setKeepAlive(connection, { idle: 60_000, unsupported: "report" }).notApplied);
 * ```
 */
export function setKeepAlive(socket: AnySocket, options: boolean | KeepAlive): KeepAliveStatus {
  return adapter().setKeepAlive(socket, options);
}

/**
 * Tells what keepalive a connected socket holds: read back from the kernel
 * where it can be reached (`source: "kernel"`), else what was applied last.
 *
 * @throws {TypeError} This is no socket.
 * @throws {UnsupportedOptionError} It cannot be read here, and keepwire has applied nothing to it.
 * @throws {SocketError} `ENOTCONN`: not connected yet, or closed.
 *
 * @example
 * ```ts
 * import { connect, getKeepAlive, listen } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * await using connection = await connect({ port: listener.address.port });
 * await using accepted = await listener.accept();
 * console.log(getKeepAlive(connection).enabled);
 * ```
 */
export function getKeepAlive(socket: AnySocket): KeepAliveStatus {
  return adapter().getKeepAlive(socket);
}

/**
 * Tells what the kernel knows of a connected socket at this moment: TCP_INFO on
 * Linux, TCP_CONNECTION_INFO on macOS. Durations are milliseconds; a field that
 * this kernel does not have is absent.
 *
 * Source: tcp(7), and include/uapi/linux/tcp.h.
 *
 * @returns `undefined` for a Unix socket, and where it cannot be read: without FFI, or on another system; `capabilities().tcpInfo` has what would help.
 * @throws {TypeError} This is no socket.
 * @throws {SocketError} `ENOTCONN`: not connected yet, or closed.
 *
 * @example
 * ```ts
 * import { connect, listen, tcpInfo } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * await using connection = await connect({ port: listener.address.port });
 * await using accepted = await listener.accept();
 * const info = tcpInfo(connection); // connection.info() is the same
 * console.log(info?.state, info?.rtt, info?.unacked);
 * ```
 */
export function tcpInfo(socket: AnySocket): TcpInfo | undefined {
  return adapter().tcpInfo(socket);
}

/**
 * Tells of peers that are suspected before the kernel gives them up, that have
 * recovered, and that are dead. Reads TCP_INFO of each connection once in an
 * interval, and again soon where there is a doubt; one timer for the whole
 * process does it for all, only while somebody iterates, and it does not keep
 * the process alive. Linux only.
 *
 * A connection that ends in an orderly way, or by our own `abort`, is just not
 * watched any more. `dead` comes at once, and not only at the next look. While
 * nobody reads, the newest event of each connection is kept. A Unix socket can
 * only be `dead`.
 *
 * Sources: net/ipv4/tcp_timer.c of Linux, and RFC 1122, 4.2.3.6: one probe
 * without an answer is no death.
 *
 * @param connections One connection, with whose end the iteration ends; or an iterable of them, such as a `Set` that a server keeps, which is read anew at each interval.
 * @throws {TypeError | RangeError} Something has the wrong shape or is out of range; what the iterable gives is checked when it is read.
 * @throws {UnsupportedOptionError} TCP_INFO cannot be read here; see `hint`.
 *
 * @example
 * ```ts
 * import { connect, listen, watchHealth } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * await using connection = await connect({ port: listener.address.port });
 * await using accepted = await listener.accept();
 *
 * setTimeout(() => accepted.close(), 100); // an orderly end, with which the loop ends
 * for await (const event of watchHealth(connection, { interval: 1_000 })) {
 *   if (event.type === "suspect") console.log(event.reason, event.since, event.givesUpIn);
 *   if (event.type === "dead") console.log(event.error.code);
 * }
 * ```
 */
export function watchHealth(
  connections: Connection | Iterable<Connection>,
  options?: WatchHealthOptions,
): AsyncIterable<HealthEvent> {
  return adapter().watchHealth(connections, options);
}

/**
 * Tells what this runtime, operating system and permission set can do: per
 * option by which route, and what would help where there is none. Opens FFI
 * if that is permitted already, and prompts for nothing.
 *
 * @example
 * ```ts
 * import { capabilities } from "@keepwire/keepwire";
 *
 * console.log(capabilities().routes.TCP_USER_TIMEOUT);
 * ```
 */
export function capabilities(): Capabilities {
  return adapter().capabilities();
}
