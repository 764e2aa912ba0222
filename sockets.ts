/**
 * The standard `connect` (WinterTC Sockets API, which Cloudflare's Workers have
 * as `cloudflare:sockets`) on Node, Deno, Bun and Workers, so that what is
 * written for it runs there, on sockets with keepalive.
 *
 * @example
 * ```ts
 * import { listen } from "@keepwire/keepwire";
 * import { connect } from "@keepwire/keepwire/sockets";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 *
 * const socket = connect({ hostname: "127.0.0.1", port: listener.address.port }, { keepAlive: { idle: 60_000 } });
 * const writer = socket.writable.getWriter();
 * await writer.write("hello");
 * await using accepted = await listener.accept();
 * const { remoteAddress } = await socket.opened;
 * console.log(remoteAddress, await accepted.read(new Uint8Array(5)));
 * await socket.close();
 * ```
 *
 * @module
 */
import { connect as open } from "./adapters/select.ts";
import { connectorWith, openSocket } from "./core/sockets/connect.ts";
import type { Socket } from "./core/sockets/socket.ts";
import type { Connector, ConnectorDefaults, SocketAddress, SocketOptions } from "./core/sockets/types.ts";

export { SocketError, UnsupportedOptionError } from "./core/errors.ts";
export type { SocketErrorCode, SocketErrorFields, SocketOp } from "./core/errors.ts";
export { Socket } from "./core/sockets/socket.ts";
export type * from "./core/sockets/types.ts";
export type { Address, KeepAlive, KernelName } from "./core/types.ts";

/**
 * Opens a TCP socket, at once: its streams can be used before it is open.
 *
 * @param address `"host:port"`, `"[address]:port"`, or an object with `hostname` and `port`, such as a `URL`. There is no default port.
 * @throws {SocketError} `EINVAL`: the address, or an option of the standard. All else that fails rejects `opened` and `closed`.
 * @throws {TypeError | RangeError} An option of keepwire's own has the wrong shape or is out of range.
 * Source: https://sockets-api.proposal.wintertc.org/
 *
 * @example
 * ```ts
 * import { connect, SocketError } from "@keepwire/keepwire/sockets";
 *
 * try {
 *   connect("there is no port in this");
 * } catch (error) {
 *   if (error instanceof SocketError) console.log(error.code);
 * }
 * ```
 */
export function connect(address: string | SocketAddress, options?: SocketOptions): Socket {
  return openSocket(open, address, options);
}

/**
 * A `connect` with defaults of its own, for a library that takes one: the
 * natural place for keepalive, certificates and timeouts. What only counts with
 * TLS is left out for sockets without.
 *
 * @throws As {@link connect}, for the defaults.
 *
 * @example
 * ```ts
 * import { listen } from "@keepwire/keepwire";
 * import { createConnector } from "@keepwire/keepwire/sockets";
 *
 * const { connect } = createConnector({
 *   keepAlive: { idle: 30_000, unsupported: "report" },
 *   timeout: 5_000,
 *   allow: ({ port }) => port !== 25,
 * });
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * const socket = connect(`127.0.0.1:${listener.address.port}`);
 * await using accepted = await listener.accept();
 * console.log((await socket.opened).localAddress === `127.0.0.1:${accepted.remoteAddress.transport === "tcp" && accepted.remoteAddress.port}`);
 * await socket.close();
 * ```
 */
export function createConnector(defaults: ConnectorDefaults): Connector {
  return connectorWith(open, defaults);
}
