/**
 * Connections on workerd: `connect` of `cloudflare:sockets`. A connection
 * belongs to the request, or the Durable Object, that opened it, and ends with
 * it.
 *
 * @module
 */
import type { Connection, ConnectOptions } from "../../core/types.ts";
import { type Attempt, dial } from "../../core/lifecycle/dial.ts";
import { quiet } from "../../core/lifecycle/promises.ts";
import { SecureConnection, securely } from "../../core/lifecycle/secure.ts";
import { StreamedConnection } from "../../core/lifecycle/streamed.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import type { Plan } from "../../core/keepalive/model.ts";
import { type ConnectPlan, validateConnect } from "../../core/options.ts";
import { type ErrorContext, socketError, toSocketError } from "../../core/socket_error.ts";
import { requireTls } from "../../core/tls/require.ts";
import type { TlsPlan } from "../../core/tls/validate.ts";
import { tcpAddress } from "../shared/addresses.ts";
import type { Grip } from "../shared/base_wire.ts";
import { applyPlan } from "../shared/keepalive.ts";
import { reachOf, requireHolds } from "../shared/reach.ts";
import { os, runtime, sockets, type WorkerdSocket } from "./host.ts";
import { door } from "./sockopt.ts";
import { clientHandshake, explain, requirePlainTls } from "./tls.ts";
import { close, delayRefused, ignore, WorkerdWire } from "./wire.ts";

/**
 * Opens a connection to a TCP port. Keepalive cannot be set here: the defaults
 * stand in `notApplied`, and explicit values are refused before anything is
 * opened. `localAddress` is empty, and `remoteAddress` is what was asked for.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {UnsupportedOptionError} An explicit keepalive value cannot be held here; see `hint`.
 * @throws {SocketError} `ENOTSUP`: `path`, `noDelay: false`, and of TLS `caCerts`, `cert`, `alpnProtocols`, or another name than the `hostname`. `ETIMEDOUT`. `EIO`: whatever else, for workerd does not say why. The signal's own reason when it aborts.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@keepwire/keepwire";
 *
 * await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
 * if (listener.address.transport !== "tcp") throw new Error("not TCP");
 * await using connection = await connect({ port: listener.address.port });
 * await using accepted = await listener.accept();
 * console.log(connection.getKeepAlive().notApplied);
 * ```
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const plan = validateConnect(options);
  const context = { op: "connect", remoteAddress: plan.endpoint, runtime, os: os() } as const;
  requireTcp(plan, context);
  const toHold = requireHolds(door, plan.endpoint.transport, plan.wishes, context);
  requireTls(plan, context);
  requirePlainTls(plan.tls, plan.tlsName ?? "", context);
  const start = () => securely(attempt(plan, toHold, context), plan.tls, context);
  return await started(() => dial(plan, context, start), context);
}

/** Outside of a request even a timer is refused, by throwing. */
function started<T>(start: () => Promise<T>, context: ErrorContext): Promise<T> {
  try {
    return start();
  } catch (cause) {
    throw toSocketError(cause, context);
  }
}

/** Refuses what `cloudflare:sockets` has no word for. */
function requireTcp({ endpoint, noDelay }: ConnectPlan, context: ErrorContext): void {
  if (endpoint.transport === "unix") {
    throw socketError("ENOTSUP", context, undefined, "workerd connects to TCP only; use hostname and port");
  }
  if (!noDelay) throw delayRefused(context);
}

function attempt(plan: ConnectPlan, toHold: Plan, context: ErrorContext): Attempt<Connection> {
  let native: WorkerdSocket | undefined;
  const open = async () => {
    const secureTransport = plan.tls ? "on" : plan.tlsName === undefined ? "off" : "starttls";
    native = sockets().connect(target(plan), { allowHalfOpen: true, secureTransport });
    native.closed.catch(ignore);
    try {
      await native.opened;
    } catch (cause) {
      throw explain(cause, context);
    }
    return adopt(native, plan, toHold);
  };
  return {
    // A timer may throw before anybody handles it.
    opened: quiet(open()),
    // It goes on until it comes or fails, for workerd has nothing to stop it, and is closed when it comes.
    cancel: () => native && close(native),
    discard: (connection) => connection.abort(),
  };
}

/** workerd takes an IPv6 address in brackets only. */
function target({ endpoint }: ConnectPlan): { hostname: string; port: number } {
  if (endpoint.transport === "unix") throw new TypeError("Cannot connect to a Unix socket"); // refused before
  const { hostname, port } = endpoint;
  return { hostname: hostname.includes(":") ? `[${hostname}]` : hostname, port };
}

/** Makes a connection of a socket that has just been connected, before its first byte is read. */
function adopt(socket: WorkerdSocket, plan: ConnectPlan, toHold: Plan): Connection {
  const grip = gripOf(socket, plan);
  applyPlan(toHold, plan.wishes, grip.reach, { ...grip.context, op: "connect" }, true);
  return wrap(grip, plan);
}

/** A socket with its addresses, which workerd does not tell, and the reach of its options. */
export function gripOf(socket: WorkerdSocket, { endpoint }: ConnectPlan): Grip<WorkerdSocket> {
  return {
    native: socket,
    reach: reachOf(door, socket, "tcp", undefined),
    watcher: door.watcher(),
    context: { localAddress: tcpAddress("", 0), remoteAddress: endpoint, runtime, os: os() },
  };
}

/** The connection over a socket that has its options. */
export function wrap(grip: Grip<WorkerdSocket>, plan: ConnectPlan): Connection {
  const { tlsName } = plan;
  if (tlsName === undefined) {
    return new StreamedConnection(plan, grip.context, (sink) => new WorkerdWire(grip, sink));
  }
  let plain: WorkerdWire;
  const open = (sink: Sink) => plain = new WorkerdWire(grip, sink);
  const client = (tls: TlsPlan, context: ErrorContext) => {
    requirePlainTls(tls, tlsName, context);
    return clientHandshake(grip, plain, context, plan.tls !== undefined);
  };
  return new SecureConnection(plan, grip.context, { open, mayStand: false, tlsName, client });
}
