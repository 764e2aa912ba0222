/**
 * Connections on Deno: `Deno.connect`, whose reads cannot be called back. Of a
 * name Deno before 2.9 tries the first address only.
 *
 * @module
 */
import type { Address, Connection, ConnectOptions } from "../../core/types.ts";
import { answered, type Attempt, dial } from "../../core/lifecycle/dial.ts";
import { SecureConnection, securely } from "../../core/lifecycle/secure.ts";
import { StreamedConnection } from "../../core/lifecycle/streamed.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import type { Plan } from "../../core/keepalive/model.ts";
import { type ConnectionPlan, type ConnectPlan, validateConnect } from "../../core/options.ts";
import { type ErrorContext, socketError } from "../../core/socket_error.ts";
import { requireTls } from "../../core/tls/require.ts";
import type { TlsPlan } from "../../core/tls/validate.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import type { Grip } from "../shared/base_wire.ts";
import type { Descriptor } from "../shared/descriptor.ts";
import { applyPlan } from "../shared/keepalive.ts";
import { reachOf, requireHolds } from "../shared/reach.ts";
import { type DenoAddr, type DenoConn, host, os, runtime } from "./host.ts";
import { expectSocket, isClient } from "./own_descriptor.ts";
import { anticipateDescriptor, door } from "./sockopt.ts";
import { clientHandshake, connectTls, requireReadable, tlsDoor } from "./tls.ts";
import { DenoWire } from "./wire.ts";

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
  const toHold = requireHolds(
    plan.tls?.identity ? tlsDoor : door,
    plan.endpoint.transport,
    plan.wishes,
    context,
  );
  requireTls(plan, context);
  if (plan.tls) requireReadable(plan.tls, context);
  return await dial(
    plan,
    context,
    () => securely(answered(attempt(plan, toHold, context), toHold, context), plan.tls, context),
  );
}

function attempt(plan: ConnectPlan, toHold: Plan, context: ErrorContext): Attempt<Connection> {
  const canceller = new AbortController();
  // Deno (2.5.0 to 2.9.6, ext/net/01_net.js) asks the signal once more after success, and if it has aborted in that
  // moment drops the connection without closing it. Without this it comes, and is discarded.
  Object.defineProperty(canceller.signal, "throwIfAborted", { value: () => {} });
  return {
    opened: open(plan, toHold, canceller.signal, context),
    cancel: () => canceller.abort(),
    discard: (connection) => connection.abort(),
  };
}

async function open(
  plan: ConnectPlan,
  toHold: Plan,
  signal: AbortSignal,
  context: ErrorContext,
): Promise<Connection> {
  const { endpoint } = plan;
  const target = endpoint.transport === "unix"
    ? { transport: "unix", path: endpoint.path }
    : { hostname: endpoint.hostname, port: endpoint.port };
  anticipateDescriptor();
  const caught = expectSocket(door.kernel);
  const { tls } = plan;
  const opening = tls?.identity ? connectTls(tls, target) : host().connect({ ...target, signal });
  const born = caught();
  let native: DenoConn;
  try {
    native = await opening;
  } catch (cause) {
    // Deno before 2.9.6 asks a socket for its peer, which it has no more when the peer has reset it already.
    throw isNotConnected(cause) ? socketError("ECONNRESET", context, cause) : cause;
  }
  try {
    return adopt(native, born, plan, toHold, context);
  } catch (error) {
    native.close();
    throw error;
  }
}

/** Makes a connection of a socket that has just been connected, before its first byte is read. */
function adopt(
  native: DenoConn,
  born: Descriptor | undefined,
  plan: ConnectPlan,
  toHold: Plan,
  context: ErrorContext,
): Connection {
  const { endpoint } = plan;
  const unix = endpoint.transport === "unix";
  const isOurs = born && isClient(door.kernel!, born, native, unix ? endpoint.path : undefined);
  const descriptor = isOurs ? born : door.descriptorOf(native);
  // A socket whose ends are known, and which is not found by them, has been reset.
  if (!unix && !descriptor && door.kernel) throw socketError("ECONNRESET", context);
  const grip = unix ? gripOf(native, descriptor, unixAddress(""), endpoint) : gripOf(native, descriptor);
  applyPlan(toHold, plan.wishes, grip.reach, { ...grip.context, op: "connect" }, true);
  return wrap(grip, plan);
}

/** A socket with its addresses, which a Unix socket cannot tell, and the reach of its options. */
export function gripOf(
  native: DenoConn,
  descriptor: Descriptor | undefined,
  localAddress: Address = addressOf(native.localAddr),
  remoteAddress: Address = addressOf(native.remoteAddr),
): Grip<DenoConn> {
  return {
    native,
    reach: reachOf(door, native, localAddress.transport, descriptor),
    watcher: door.watcher(),
    context: { localAddress, remoteAddress, runtime, os: os() },
  };
}

/** The connection over a socket that has its options. */
export function wrap(grip: Grip<DenoConn>, plan: ConnectionPlan): Connection {
  if (plan.tlsName !== undefined) return wrapSecure(grip, plan);
  setNoDelay(grip, plan);
  return new StreamedConnection(plan, grip.context, (sink) => new DenoWire(grip, sink));
}

/** The same where TLS may be started. */
export function wrapSecure(grip: Grip<DenoConn>, plan: ConnectionPlan): SecureConnection {
  setNoDelay(grip, plan);
  const { tlsName } = plan;
  const open = (sink: Sink) => new DenoWire(grip, sink);
  const client = (tls: TlsPlan, context: ErrorContext) => clientHandshake(grip, tls, context);
  // A native read that stands could not be called back for the handshake.
  return new SecureConnection(plan, grip.context, { open, mayStand: false, tlsName, client });
}

function setNoDelay({ native, reach }: Grip<DenoConn>, { noDelay }: ConnectionPlan): void {
  if (!noDelay || reach.unix) return;
  if (native.setNoDelay) native.setNoDelay(true);
  else if (reach.descriptor) reach.descriptor.noDelay = true;
}

function addressOf({ hostname, port }: DenoAddr): Address {
  return tcpAddress(hostname, port);
}

/** Whether Deno could not ask a new socket for its peer: the peer has reset it already. */
export function isNotConnected(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "NotConnected";
}
