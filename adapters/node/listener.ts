/**
 * Listeners on Node: `net.Server`, whose sockets are made anew with `onread`.
 *
 * @module
 */
import type { Listener, ListenOptions } from "../../core/types.ts";
import { reusePortNeeds } from "../../core/capability.ts";
import { type Gate, ListenerLifecycle, type Place } from "../../core/lifecycle/listener.ts";
import { pending } from "../../core/lifecycle/promises.ts";
import { type ListenPlan, validateListen } from "../../core/options.ts";
import { type ErrorContext, socketError, toSocketError } from "../../core/socket_error.ts";
import { requireListenTls } from "../../core/tls/require.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import { BaseGate } from "../shared/base_gate.ts";
import { listenerReachOf, requireHolds } from "../shared/reach.ts";
import { gripOf, wrap, wrapSecure } from "./connection.ts";
import { net, type NetServer, type NetSocket, os, runtime, version } from "./host.ts";
import { door } from "./sockopt.ts";
import { serverContext, serverHandshake } from "./tls.ts";
import { Onread } from "./wire.ts";

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
export async function listen(options: ListenOptions): Promise<Listener> {
  const plan = validateListen(options);
  const context = { op: "listen", localAddress: plan.endpoint, runtime, os: os() } as const;
  requireHolds(door, plan.endpoint.transport, plan.wishes, context);
  requireListenTls(plan, context);
  if (plan.tls) serverContext(plan.tls, context);
  plan.signal?.throwIfAborted();
  if (plan.reusePort) requireReusePort(context);
  try {
    return await open(plan);
  } catch (cause) {
    throw toSocketError(cause, context);
  }
}

/** Older versions ignore the option. */
function requireReusePort(context: ErrorContext): void {
  const needs = reusePortNeeds(runtime, version());
  if (needs) throw socketError("ENOTSUP", context, undefined, `reusePort needs ${needs}`);
}

function open(plan: ListenPlan): Promise<Listener> {
  const { endpoint, backlog, reusePort, noDelay } = plan;
  const server = net().createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay });
  const { promise, resolve, reject } = pending<Listener>();
  server.on("error", reject);
  server.on("listening", () => {
    try {
      resolve(adopt(server, plan));
    } catch (error) {
      server.close();
      reject(error);
    }
  });
  if (endpoint.transport === "unix") server.listen({ path: endpoint.path, backlog });
  else server.listen({ host: endpoint.hostname, port: endpoint.port, backlog, reusePort });
  return promise;
}

/** Makes a listener of a server that has just begun to listen, before it accepts. */
function adopt(server: NetServer, plan: ListenPlan): Listener {
  const { transport } = plan.endpoint;
  const bound = server.address() as { address: string; port: number }; // a string only for a Unix socket
  const localAddress = transport === "unix" ? plan.endpoint : tcpAddress(bound.address, bound.port);
  const place = { localAddress, runtime, os: os() };
  return new ListenerLifecycle(plan, place, (listener) => new NodeGate(server, plan, place, listener));
}

/** A `net.Server` as a gate. */
class NodeGate extends BaseGate implements Gate {
  readonly #server: NetServer;
  readonly #plan: ListenPlan;
  readonly #place: Place;
  readonly #listener: ListenerLifecycle;

  constructor(server: NetServer, plan: ListenPlan, place: Place, listener: ListenerLifecycle) {
    const { transport } = plan.endpoint;
    const descriptor = door.listenerDescriptorOf(server);
    super(listenerReachOf(door, server, transport, descriptor), plan.wishes, place);
    this.#server = server;
    this.#plan = plan;
    this.#place = place;
    this.#listener = listener;
    server.on("connection", (socket) => this.#accept(socket as NetSocket));
  }

  want(): void {
    // Node accepts without being asked.
  }

  close(): void {
    this.#server.close();
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }

  #accept(accepted: NetSocket): void {
    const onread = new Onread();
    const socket = remake(accepted, onread);
    try {
      const unix = this.#place.localAddress.transport === "unix";
      const grip = unix ? gripOf(socket, this.#place.localAddress, unixAddress("")) : gripOf(socket);
      this.outfit(grip);
      const { tls } = this.#plan;
      if (!tls) return this.#listener.offer(wrap(grip, onread, this.#plan));
      const connection = wrapSecure(grip, onread, this.#plan);
      this.#listener.secure(connection, serverHandshake(grip, tls, { ...grip.context, op: "accept" }));
    } catch {
      // It has died in the queue, or it cannot hold what was promised: nobody is handed such a connection.
      socket.destroy();
    }
  }
}

/** The same socket with `onread`, which `net.createServer` does not know. Nothing has been read, because of `pauseOnConnect`. */
function remake(accepted: NetSocket, onread: Onread): NetSocket {
  const options = { handle: accepted._handle, allowHalfOpen: true, manualStart: true, onread };
  const socket = new (net().Socket)(options);
  // The server counts it; without this it would never end.
  socket._server = accepted._server;
  accepted._handle = null;
  return socket;
}
