/**
 * Listeners on Bun: `Bun.listen`, which accepts by itself.
 *
 * @module
 */
import type { Address, Listener, ListenOptions } from "../../core/types.ts";
import { type Gate, ListenerLifecycle, type Place } from "../../core/lifecycle/listener.ts";
import { type ListenPlan, validateListen } from "../../core/options.ts";
import { toSocketError } from "../../core/socket_error.ts";
import { requireListenTls } from "../../core/tls/require.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import { BaseGate } from "../shared/base_gate.ts";
import { listenerReachOf, requireHolds } from "../shared/reach.ts";
import { diagnoseSocket } from "./connect_linux.ts";
import { gripOf, wrap, wrapSecure } from "./connection.ts";
import { bun, type BunListener, type BunSocket, handlers, os, runtime, type SocketEvents } from "./host.ts";
import { addressesOf } from "./race.ts";
import { door, libc } from "./sockopt.ts";
import { requireReadable, serverHandshake } from "./tls.ts";
import { deaf } from "./wire.ts";

/**
 * Listens on a TCP port or a Unix socket.
 *
 * Every connection that is handed out holds the keepalive that was asked for,
 * those included that came before the options could be set.
 *
 * @throws {TypeError | RangeError} An option has the wrong shape or is out of range.
 * @throws {UnsupportedOptionError} An explicit keepalive value cannot be held here; see `hint`.
 * @throws {SocketError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENOTFOUND`, … Of TLS: `EINVAL`, a certificate or
 * key that cannot be read, and `ENOTSUP`. `ENOTSUP` before Bun 1.4. The signal's own reason when it has aborted.
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
  if (plan.tls) requireReadable(plan.tls, context);
  plan.signal?.throwIfAborted();
  try {
    // Bun says "Failed to listen", without a code, of a name that does not exist.
    const [endpoint] = await addressesOf(plan.endpoint);
    if (!plan.signal?.aborted) return open({ ...plan, endpoint });
  } catch (cause) {
    throw toSocketError(cause, context);
  }
  throw plan.signal.reason;
}

function open(plan: ListenPlan): Listener {
  const { endpoint, reusePort } = plan;
  let gate: BunGate | undefined;
  const target = endpoint.transport === "unix"
    ? { unix: endpoint.path }
    : { hostname: endpoint.hostname, port: endpoint.port, reusePort };
  const entrance: SocketEvents = { ...deaf, opened: (socket) => gate?.accept(socket) };
  const server = serve({ ...target, allowHalfOpen: true, socket: handlers, data: entrance });
  try {
    const place = { localAddress: boundTo(endpoint, server), runtime, os: os() };
    return new ListenerLifecycle(
      plan,
      place,
      (listener) => gate = new BunGate(server, plan, place, listener),
    );
  } catch (error) {
    server.stop(false);
    throw error;
  }
}

function serve(options: Record<string, unknown>): BunListener {
  try {
    return bun().listen(options);
  } catch (error) {
    // Bun 1.4.5 gives no code where there is no socket to be had (EMFILE): another try tells why.
    const library = os() === "linux" && !(error as { code?: string }).code ? libc() : undefined; // an Error of Bun
    throw (library && diagnoseSocket(library)) ?? error;
  }
}

/** Where a server listens. Bun repeats the name that it was given. */
function boundTo(endpoint: Address, server: BunListener): Address {
  if (endpoint.transport === "unix") return endpoint;
  const [address, ...scope] = endpoint.hostname.split("%");
  const short = address.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
  return tcpAddress([short, ...scope].join("%"), server.port);
}

/** A `Bun.listen` as a gate. */
class BunGate extends BaseGate implements Gate {
  readonly #server: BunListener;
  readonly #plan: ListenPlan;
  readonly #place: Place;
  readonly #listener: ListenerLifecycle;

  constructor(server: BunListener, plan: ListenPlan, place: Place, listener: ListenerLifecycle) {
    const { transport } = plan.endpoint;
    const descriptor = door.listenerDescriptorOf(server);
    super(listenerReachOf(door, server, transport, descriptor), plan.wishes, place);
    this.#server = server;
    this.#plan = plan;
    this.#place = place;
    this.#listener = listener;
    // Bun 1.4.5 ignores `backlog` and takes 512 (https://github.com/oven-sh/bun/pull/33786): listen(2) again changes it.
    if (descriptor) libc()?.listen(descriptor.fd, plan.backlog);
  }

  want(): void {
    // Bun accepts without being asked. When it has no file descriptors left it tries again and again, and tells nobody.
  }

  close(): void {
    this.#server.stop(false);
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }

  accept(socket: BunSocket): void {
    try {
      const unix = this.#place.localAddress.transport === "unix";
      const grip = unix ? gripOf(socket, this.#place.localAddress, unixAddress("")) : gripOf(socket);
      this.outfit(grip);
      const { tls } = this.#plan;
      if (!tls) return this.#listener.offer(wrap(grip, this.#plan));
      this.#listener.secure(wrapSecure(grip, this.#plan), serverHandshake(grip, tls));
    } catch {
      // It has died in the queue, or it cannot hold what was promised: nobody is handed such a connection.
      socket.terminate();
    }
  }
}
