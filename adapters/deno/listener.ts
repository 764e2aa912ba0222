/**
 * Listeners on Deno: `Deno.listen`, which is asked for each connection. It
 * takes no backlog for a Unix socket.
 *
 * @module
 */
import type { Listener, ListenOptions } from "../../core/types.ts";
import { reusePortNeeds } from "../../core/capability.ts";
import { type Gate, ListenerLifecycle, type Place } from "../../core/lifecycle/listener.ts";
import { type ListenPlan, validateListen } from "../../core/options.ts";
import { type ErrorContext, socketError, toSocketError } from "../../core/socket_error.ts";
import { requireListenTls } from "../../core/tls/require.ts";
import { tcpAddress, unixAddress } from "../shared/addresses.ts";
import { BaseGate } from "../shared/base_gate.ts";
import type { Grip } from "../shared/base_wire.ts";
import type { Descriptor } from "../shared/descriptor.ts";
import { listenerReachOf, requireHolds } from "../shared/reach.ts";
import { gripOf, isNotConnected, wrap, wrapSecure } from "./connection.ts";
import {
  type DenoConn,
  type DenoListener,
  host,
  os,
  refTimer,
  runtime,
  unrefTimer,
  version,
} from "./host.ts";
import { expectSocket, findAccepted, isListening } from "./own_descriptor.ts";
import { anticipateDescriptor, door } from "./sockopt.ts";
import { requireReadable, securedGrip, serverHandshake, serverOptions, tlsDoor } from "./tls.ts";

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
// deno-lint-ignore require-await -- Deno listens at once, but the contract is a promise, and a rejected one
export async function listen(options: ListenOptions): Promise<Listener> {
  const plan = validateListen(options);
  const context = { op: "listen", localAddress: plan.endpoint, runtime, os: os() } as const;
  requireHolds(plan.tls ? tlsDoor : door, plan.endpoint.transport, plan.wishes, context);
  requireListenTls(plan, context);
  if (plan.tls) requireReadable(plan.tls, context);
  plan.signal?.throwIfAborted();
  if (plan.reusePort) requireReusePort(context);
  try {
    return open(plan);
  } catch (cause) {
    throw toSocketError(cause, context);
  }
}

/** Without the flag Deno does not refuse the option: it ends the process, with code 70. */
function requireReusePort(context: ErrorContext): void {
  if (host().listenDatagram) return;
  const needs = reusePortNeeds(runtime, version());
  if (needs) throw socketError("ENOTSUP", context, undefined, `reusePort needs ${needs}`);
}

function open(plan: ListenPlan): Listener {
  const { endpoint, backlog, reusePort } = plan;
  const target = endpoint.transport === "unix"
    ? { transport: "unix", path: endpoint.path }
    : { hostname: endpoint.hostname, port: endpoint.port, tcpBacklog: backlog, reusePort };
  const caught = expectSocket(door.kernel);
  const { tls } = plan;
  const native = tls ? host().listenTls({ ...target, ...serverOptions(tls) }) : host().listen(target);
  try {
    return adopt(native, caught(), plan);
  } catch (error) {
    native.close();
    throw error;
  }
}

/** Makes a listener of a socket that has just begun to listen, before it accepts. */
function adopt(native: DenoListener, born: Descriptor | undefined, plan: ListenPlan): Listener {
  const { endpoint } = plan;
  const { addr } = native;
  const unix = endpoint.transport === "unix";
  const isOurs = !unix && born && isListening(door.kernel!, born, addr);
  const descriptor = isOurs ? born : door.listenerDescriptorOf(native);
  const localAddress = unix ? endpoint : tcpAddress(addr.hostname, addr.port);
  const place = { localAddress, runtime, os: os() };
  return new ListenerLifecycle(
    plan,
    place,
    (listener) => new DenoGate(native, descriptor, plan, place, listener),
  );
}

/** Milliseconds; a longer delay of a timer counts as none. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** A `Deno.Listener` as a gate. */
class DenoGate extends BaseGate implements Gate {
  readonly #native: DenoListener;
  readonly #plan: ListenPlan;
  readonly #place: Place;
  readonly #listener: ListenerLifecycle;
  readonly #onAccepted = (native: DenoConn): void => this.#accept(native);
  readonly #onFailed = (cause: unknown): void => this.#fail(cause);
  /** Deno takes one accept() at a time. */
  #accepting: Promise<void> | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** Deno's listener keeps the process alive only while an accept() is pending. */
  readonly #holder = setInterval(() => {}, LONGEST_DELAY);
  #gone = false;

  constructor(
    native: DenoListener,
    descriptor: Descriptor | undefined,
    plan: ListenPlan,
    place: Place,
    listener: ListenerLifecycle,
  ) {
    const reach = listenerReachOf(plan.tls ? tlsDoor : door, native, plan.endpoint.transport, descriptor);
    super(reach, plan.wishes, place);
    this.#native = native;
    this.#plan = plan;
    this.#place = place;
    this.#listener = listener;
  }

  want(): void {
    if (this.#accepting || this.#gone || this.#listener.wanted === 0) return;
    anticipateDescriptor();
    this.#accepting = this.#native.accept().then(this.#onAccepted, this.#onFailed);
  }

  close(): void | Promise<void> {
    this.#gone = true;
    clearTimeout(this.#pause);
    clearInterval(this.#holder);
    this.#native.close();
    // An accept() that is pending keeps the socket listening until it has been told.
    return this.#accepting;
  }

  ref(): void {
    refTimer(this.#holder);
    this.#native.ref();
  }

  unref(): void {
    unrefTimer(this.#holder);
    this.#native.unref();
  }

  #accept(native: DenoConn): void {
    this.#accepting = undefined;
    try {
      const grip = this.#gripOf(native);
      this.outfit(grip);
      if (!this.#plan.tls) this.#listener.offer(wrap(grip, this.#plan));
      else this.#listener.secure(wrapSecure(grip, this.#plan), serverHandshake(grip));
    } catch {
      // It has died in the queue, or it cannot hold what was promised: nobody is handed such a connection.
      native.close();
    }
    this.want();
  }

  #gripOf(native: DenoConn): Grip<DenoConn> {
    const { localAddress } = this.#place;
    if (localAddress.transport !== "unix") {
      const grip = gripOf(native, door.descriptorOf(native));
      return this.#plan.tls ? securedGrip(grip) : grip;
    }
    const descriptor = door.kernel && findAccepted(door.kernel, localAddress.path);
    return gripOf(native, descriptor, localAddress, unixAddress(""));
  }

  #fail(cause: unknown): void {
    if (this.#gone) return;
    // A client that has reset its connection in the queue concerns nobody else.
    const wait = isNotConnected(cause) ? 0 : this.#listener.failed(cause);
    if (wait === undefined) return;
    this.#pause = setTimeout(() => {
      this.#accepting = undefined;
      this.want();
    }, wait);
  }
}
