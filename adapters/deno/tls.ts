/**
 * TLS on Deno: `Deno.startTls` of the connection that is open already, so that
 * its options and its file descriptor stay what they are.
 *
 * @module
 */
import type { Attempt } from "../../core/lifecycle/dial.ts";
import { Truncation } from "../../core/lifecycle/secure.ts";
import type { Handshake, Secured } from "../../core/lifecycle/upgrade.ts";
import type { Side } from "../../core/lifecycle/wire.ts";
import { type ErrorContext, socketError } from "../../core/socket_error.ts";
import { protocolName } from "../../core/tls/alpn.ts";
import type { Means } from "../../core/keepalive/model.ts";
import type { ListenTlsPlan, TlsPlan } from "../../core/tls/validate.ts";
import type { Grip } from "../shared/base_wire.ts";
import type { Door } from "../shared/door.ts";
import { type DenoConn, type DenoTlsConn, host } from "./host.ts";
import { door } from "./sockopt.ts";
import { DenoWire } from "./wire.ts";

/** What can be held where Deno opens a socket with TLS from the start: nothing by its own setters. */
export const tlsDoor: Pick<Door, "refusal" | "means" | "timers"> = {
  refusal: () => door.refusal(),
  means: () => withoutSetters(door.means()),
  timers: () => door.timers(),
};

/**
 * Has certificates and keys read, which Deno does only once a socket is open.
 *
 * @throws {SocketError} `EINVAL`: rustls refuses one of them.
 */
export function requireReadable(
  { identity, caCerts }: Pick<TlsPlan, "identity" | "caCerts">,
  context: ErrorContext,
): void {
  if (!identity && caCerts.length === 0) return;
  try {
    host().createHttpClient({ ...identity, caCerts: [...caCerts] }).close();
  } catch (cause) {
    throw socketError("EINVAL", context, cause, "rustls refuses a certificate or the key");
  }
}

/**
 * Opens a connection with TLS from the start, which is the only way for a
 * certificate of ours. It cannot be cancelled: what comes too late is closed.
 */
export function connectTls(plan: TlsPlan, target: Record<string, unknown>): Promise<DenoConn> {
  return host().connectTls({ ...target, ...plan.identity, ...optionsOf(plan) });
}

/** The handshake on a connected socket; on one that has had TLS from the start it is only waited for. */
export function clientHandshake(grip: Grip<DenoConn>, plan: TlsPlan, context: ErrorContext): Handshake {
  const { native } = grip;
  requireReadable(plan, context);
  if (isTls(native)) return () => shake(grip, Promise.resolve(native));
  return () => shake(grip, host().startTls(native, { hostname: plan.serverName, ...optionsOf(plan) }));
}

/** The server's handshake on a socket that was accepted. */
export function serverHandshake(grip: Grip<DenoConn>): Handshake {
  const native = grip.native as DenoTlsConn; // of `Deno.listenTls`
  return () => shake(grip, Promise.resolve(native));
}

/** What a listener with TLS is opened with. */
export function serverOptions({ identity, alpnProtocols }: ListenTlsPlan): Record<string, unknown> {
  return { ...identity, ...alpnOf(alpnProtocols) };
}

function optionsOf({ caCerts, alpnProtocols }: TlsPlan): Record<string, unknown> {
  return { caCerts: [...caCerts], ...alpnOf(alpnProtocols) };
}

function alpnOf(alpnProtocols: readonly string[]): Record<string, unknown> {
  return alpnProtocols.length > 0 ? { alpnProtocols: [...alpnProtocols] } : {};
}

function isTls(native: DenoConn): native is DenoTlsConn {
  return "handshake" in native;
}

/** One handshake, the client's or the server's. */
function shake(grip: Grip<DenoConn>, starting: Promise<DenoTlsConn>): Attempt<Secured> {
  let native: DenoTlsConn | undefined;
  let over = false;
  const close = () => {
    over = true;
    closeQuietly(native ?? grip.native);
  };
  const giveUp = () => {
    // Deno (2.9.6) goes on with the handshake in the background, and until the peer has its part in it, the socket
    // stays open: https://github.com/denoland/deno/pull/10146
    if (!over) grip.reach.descriptor?.reset();
    close();
  };
  const handshake = async (): Promise<Secured> => {
    native = await starting;
    if (over) close();
    const { alpnProtocol } = await native.handshake();
    const secured = securedGrip(grip, native);
    return {
      info: alpnProtocol === null ? {} : { alpnProtocol: protocolName(alpnProtocol) },
      open: (sink) => new DenoTlsWire(secured, sink),
    };
  };
  const opened = handshake();
  opened.catch(close);
  return { opened, cancel: giveUp, discard: giveUp };
}

function closeQuietly(native: DenoConn): void {
  try {
    native.close();
  } catch {
    // It went with the handshake.
  }
}

/** The options are the same socket's; a `TlsConn` has no setters. */
export function securedGrip(grip: Grip<DenoConn>, native: DenoConn = grip.native): Grip<DenoConn> {
  const { reach } = grip;
  return { ...grip, native, reach: { ...reach, means: withoutSetters(reach.means), callNative: undefined } };
}

function withoutSetters(means: Means): Means {
  return { ...means, native: "none" };
}

/** A `Deno.TlsConn` as a wire. */
class DenoTlsWire extends DenoWire {
  /** That bytes are there does not say that a whole record is, and a read into a caller's buffer cannot be called back. */
  protected override choose(_buffer: Uint8Array | null | undefined): Uint8Array {
    return this.inlet.choose(undefined, undefined);
  }

  protected override fail(cause: unknown, side: Side): void {
    super.fail(isTruncation(cause) ? new Truncation(cause) : cause, side);
  }
}

/** The end without `close_notify` in rustls' words (tokio-rustls, seen with Deno 2.9.6). */
function isTruncation(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "UnexpectedEof";
}
