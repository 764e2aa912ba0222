/**
 * `connect` of the standard over keepwire's own.
 *
 * @module
 */
import type { Connection, ConnectOptions } from "../types.ts";
import { checkDefaults, planSocket } from "./plan.ts";
import { either, makeSocket, type Socket } from "./socket.ts";
import type { Connector, ConnectorDefaults, SocketAddress, SocketOptions } from "./types.ts";

/** keepwire's own `connect`. */
type Open = (options: ConnectOptions) => Promise<Connection>;

/** A socket that is being opened. */
export function openSocket(
  open: Open,
  address: string | SocketAddress,
  options?: SocketOptions,
  defaults?: ConnectorDefaults,
): Socket {
  const plan = planSocket(address, options, defaults);
  const { signal } = plan.connect;
  return makeSocket(
    plan,
    (own) => open({ ...plan.connect, signal: either(own, signal) }),
  );
}

/** `connect` with defaults, which are checked here. */
export function connectorWith(open: Open, defaults: ConnectorDefaults): Connector {
  const checked = checkDefaults(defaults);
  return { connect: (address, options) => openSocket(open, address, options, checked) };
}
