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
  KeepAlive,
  KeepAliveStatus,
  Listener,
  ListenOptions,
} from "../core/types.ts";
import * as bun from "./bun/mod.ts";
import * as deno from "./deno/mod.ts";
import * as node from "./node/mod.ts";

type Adapter = typeof node;

let selected: Adapter | undefined;

/** In this order: Deno and Bun have a `process` too. */
function adapter(): Adapter {
  return selected ??= select();
}

function select(): Adapter {
  const global = globalThis as { Deno?: unknown; Bun?: unknown; process?: unknown };
  if (global.Deno) return deno;
  if (global.Bun) return bun;
  if (global.process) return node;
  throw new TypeError("keepwire has no adapter for this runtime: it runs on Node, Deno and Bun");
}

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
 * @throws {SocketError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENOTFOUND`, … The signal's own reason when it has aborted.
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
