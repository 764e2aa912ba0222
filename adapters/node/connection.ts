/**
 * Connections on Node: `net.Socket` with its `onread` option, so that bytes
 * pass no stream machinery on their way in.
 *
 * @module
 */
import type { Address, Connection, ConnectOptions } from "../../core/types.ts";
import { answered, type Attempt, dial } from "../../core/lifecycle/dial.ts";
import { pending } from "../../core/lifecycle/promises.ts";
import { SecureConnection, securely } from "../../core/lifecycle/secure.ts";
import { StreamedConnection } from "../../core/lifecycle/streamed.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import type { Plan } from "../../core/keepalive/model.ts";
import { type ConnectionPlan, type ConnectPlan, validateConnect } from "../../core/options.ts";
import type { ErrorContext } from "../../core/socket_error.ts";
import { requireTls } from "../../core/tls/require.ts";
import type { TlsPlan } from "../../core/tls/validate.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import type { Grip } from "../shared/base_wire.ts";
import { applyPlan } from "../shared/keepalive.ts";
import { reachOf, requireHolds } from "../shared/reach.ts";
import { net, type NetSocket, os, runtime } from "./host.ts";
import { door } from "./sockopt.ts";
import { clientContext, clientHandshake } from "./tls.ts";
import { destroy, ignore, NodeWire, Onread } from "./wire.ts";

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
export async function connect(options: ConnectOptions): Promise<Connection> {
  const plan = validateConnect(options);
  const context = { op: "connect", remoteAddress: plan.endpoint, runtime, os: os() } as const;
  const toHold = requireHolds(door, plan.endpoint.transport, plan.wishes, context);
  requireTls(plan, context);
  if (plan.tls) clientContext(plan.tls, context);
  return await dial(
    plan,
    context,
    () => securely(answered(attempt(plan, toHold), toHold, context), plan.tls, context),
  );
}

function attempt(plan: ConnectPlan, toHold: Plan): Attempt<Connection> {
  const { endpoint } = plan;
  const onread = new Onread();
  const socket = new (net().Socket)({ allowHalfOpen: true, onread });
  const { promise, resolve, reject } = pending<Connection>();
  const giveUp = (error: unknown) => {
    destroy(socket);
    reject(error);
  };
  // Before connect(), which may fail within the call: Node 24 and 26 do for a path that is too long.
  socket.destroy = giveUp;
  socket.on("error", ignore);
  socket.once("connect", () => {
    try {
      resolve(adopt(socket, onread, plan, toHold));
    } catch (error) {
      giveUp(error);
    }
  });
  const target = endpoint.transport === "unix"
    ? { path: endpoint.path }
    : { host: endpoint.hostname, port: endpoint.port };
  socket.connect(target);
  return {
    opened: promise,
    cancel: () => destroy(socket),
    discard: (connection) => connection.abort(),
  };
}

/** Makes a connection of a socket that has just been connected, before its first byte is read. */
function adopt(socket: NetSocket, onread: Onread, plan: ConnectPlan, toHold: Plan): Connection {
  const { endpoint } = plan;
  const unix = endpoint.transport === "unix";
  const grip = unix ? gripOf(socket, unixAddress(""), endpoint) : gripOf(socket);
  applyPlan(toHold, plan.wishes, grip.reach, { ...grip.context, op: "connect" }, true);
  if (plan.noDelay) socket._handle?.setNoDelay?.(true);
  return wrap(grip, onread, plan);
}

/** A socket with its addresses, which a Unix socket cannot tell, and the reach of its options. */
export function gripOf(
  socket: NetSocket,
  localAddress: Address = tcpAddress(socket.localAddress, socket.localPort),
  remoteAddress: Address = tcpAddress(socket.remoteAddress, socket.remotePort),
): Grip<NetSocket> {
  return {
    native: socket,
    reach: reachOf(door, socket, localAddress.transport, door.descriptorOf(socket)),
    watcher: door.watcher(),
    context: { localAddress, remoteAddress, runtime, os: os() },
  };
}

/** The connection over a socket that has its options. */
export function wrap(grip: Grip<NetSocket>, onread: Onread, plan: ConnectionPlan): Connection {
  if (plan.tlsName !== undefined) return wrapSecure(grip, onread, plan);
  return new StreamedConnection(plan, grip.context, (sink) => onread.wire = new NodeWire(grip, sink));
}

/** The same where TLS may be started. */
export function wrapSecure(grip: Grip<NetSocket>, onread: Onread, plan: ConnectionPlan): SecureConnection {
  const { tlsName } = plan;
  const open = (sink: Sink) => onread.wire = new NodeWire(grip, sink);
  const client = (tls: TlsPlan, context: ErrorContext) => clientHandshake(grip, tls, context);
  return new SecureConnection(plan, grip.context, { open, mayStand: true, tlsName, client });
}
