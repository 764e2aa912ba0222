/**
 * TLS on Node: `tls.TLSSocket` over the `net.Socket` that is open already, so
 * that its options and its file descriptor stay what they are.
 *
 * @module
 */
import type { Attempt } from "../../core/lifecycle/dial.ts";
import { pending } from "../../core/lifecycle/promises.ts";
import { Truncation } from "../../core/lifecycle/secure.ts";
import type { Handshake, Secured } from "../../core/lifecycle/upgrade.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import { type ErrorContext, socketError } from "../../core/socket_error.ts";
import { certificatesOf } from "../../core/tls/pem.ts";
import type { ListenTlsPlan, TlsPlan } from "../../core/tls/validate.ts";
import type { Grip } from "../shared/base_wire.ts";
import { identify, infoOf, type LegacyCertificate } from "../shared/certificates.ts";
import {
  crypto,
  environment,
  type NetSocket,
  readText,
  type SecureContext,
  tls,
  type TlsHandle,
  type TlsSocket,
} from "./host.ts";
import { confirmsEnd, destroy, ignore, NodeWire } from "./wire.ts";

/** Each plan has one: what a runtime refuses of it is told before anything is opened. */
const contexts = new WeakMap<TlsPlan | ListenTlsPlan, SecureContext>();

/**
 * Certificates and keys of a client, read by OpenSSL.
 *
 * @throws {SocketError} `EINVAL`: OpenSSL refuses one of them.
 */
export function clientContext(plan: TlsPlan, context: ErrorContext): SecureContext {
  return contextOf(plan, context, () => {
    const made = tls().createSecureContext({ ...plan.identity, minVersion: "TLSv1.2" });
    // The option `ca` would replace the authorities that Node trusts by default, those of its flags and environment too.
    for (const text of plan.caCerts) addAuthorities(made, text);
    if (plan.caCerts.length > 0) restoreExtraRoots(made);
    return made;
  });
}

/**
 * Certificates and key of a listener, read by OpenSSL.
 *
 * @throws {SocketError} `EINVAL`: OpenSSL refuses one of them.
 */
export function serverContext(plan: ListenTlsPlan, context: ErrorContext): SecureContext {
  const { identity, requestCert, caCerts } = plan;
  const ca = requestCert ? { ca: [...caCerts] } : {};
  return contextOf(
    plan,
    context,
    () => tls().createSecureContext({ ...identity, ...ca, minVersion: "TLSv1.2" }),
  );
}

function contextOf(
  plan: TlsPlan | ListenTlsPlan,
  context: ErrorContext,
  make: () => SecureContext,
): SecureContext {
  let made = contexts.get(plan);
  try {
    made ??= make();
  } catch (cause) {
    throw socketError("EINVAL", context, cause, "OpenSSL refuses a certificate or the key");
  }
  contexts.set(plan, made);
  return made;
}

function addAuthorities({ context }: SecureContext, text: string): void {
  const { X509Certificate } = crypto();
  // Of a text with several OpenSSL's function would read the first alone.
  for (const pem of certificatesOf(text)) {
    // It says nothing of one that it cannot read.
    new X509Certificate(pem);
    context.addCACert(pem);
  }
}

/**
 * Node 20 (20.20) takes those of NODE_EXTRA_CA_CERTS away from a context that
 * is given one authority more: https://github.com/nodejs/node/issues/32010
 */
function restoreExtraRoots(made: SecureContext): void {
  if (tls().getCACertificates) return; // Node 22.15 or newer
  const path = environment("NODE_EXTRA_CA_CERTS");
  try {
    addAuthorities(made, (path && readText(path)) ?? "");
  } catch {
    // Node has warned of them when it began.
  }
}

/** The client's handshake on a connected socket. */
export function clientHandshake(grip: Grip<NetSocket>, plan: TlsPlan, context: ErrorContext): Handshake {
  const secureContext = clientContext(plan, context);
  return () =>
    shake(grip, (raw) => {
      const socket = tls().connect({
        socket: raw,
        secureContext,
        // Also against NODE_TLS_REJECT_UNAUTHORIZED=0.
        rejectUnauthorized: true,
        checkServerIdentity: (_name: string, certificate: LegacyCertificate) =>
          identify(tls(), plan.serverName, certificate, crypto),
        ...(plan.isAddress ? { host: plan.serverName } : { servername: plan.serverName }),
        ...alpnOf(plan),
      });
      return { socket, done: "secureConnect" };
    });
}

/** The server's handshake on a socket that was accepted. */
export function serverHandshake(
  grip: Grip<NetSocket>,
  plan: ListenTlsPlan,
  context: ErrorContext,
): Handshake {
  const { requestCert } = plan;
  const secureContext = serverContext(plan, context);
  return () =>
    shake(grip, (raw) => {
      const options = { isServer: true, secureContext, requestCert, rejectUnauthorized: requestCert };
      const socket = new (tls().TLSSocket)(raw, { ...options, ...alpnOf(plan) });
      return { socket, done: "secure", verify: () => requestCert ? refusalOf(socket) : undefined };
    });
}

/** OpenSSL lets everybody in, and says what it found; `tls.Server` would ask for that. */
function refusalOf(socket: TlsSocket): Error | undefined {
  if (!socket.getPeerX509Certificate()) return new Error("the client has no certificate");
  return (socket._handle as TlsHandle | null)?.verifyError() ?? undefined; // TLS has a handle of its own
}

function alpnOf({ alpnProtocols }: { alpnProtocols: readonly string[] }): Record<string, unknown> {
  return alpnProtocols.length > 0 ? { ALPNProtocols: [...alpnProtocols] } : {};
}

/** One handshake, the client's or the server's. */
function shake(grip: Grip<NetSocket>, start: (raw: NetSocket) => Shaking): Attempt<Secured> {
  const raw = grip.native;
  release(raw);
  const { socket, done, verify } = start(raw);
  const { promise, resolve, reject } = pending<Secured>();
  const close = () => destroy(socket);
  const giveUp = (error: Error | undefined) => {
    close();
    reject(error ?? new Error("the handshake ended"));
  };
  const ended = () => giveUp(Object.assign(new Error("FIN during the handshake"), { code: "ECONNRESET" }));
  socket.on("error", ignore);
  // A client's `connect` listens for it; of a server `tls.Server` would.
  socket.on("end", ended);
  socket.destroy = giveUp;
  socket.once(done, () => {
    socket.off("end", ended);
    const refusal = verify?.();
    if (refusal) return giveUp(refusal);
    const early = new Early(socket);
    resolve({
      info: infoOf(socket.getProtocol(), socket.alpnProtocol, socket.getPeerX509Certificate()),
      open: (sink) => new NodeTlsWire({ ...grip, native: socket }, raw, early, sink),
    });
  });
  const cancel = () => resetBoth(socket, raw);
  return { opened: promise, cancel, discard: cancel };
}

/** A handshake in progress. */
interface Shaking {
  socket: TlsSocket;
  /** The event that says that it is over. */
  done: "secureConnect" | "secure";
  /** Why the peer is refused in spite of it. */
  verify?(): Error | undefined;
}

/** Gives the methods back that the plain wire had put in the way. */
function release(raw: NetSocket): void {
  Reflect.deleteProperty(raw, "destroy");
  Reflect.deleteProperty(raw, "push");
}

/** TLS has no reset (ERR_INVALID_HANDLE_TYPE), but closes the socket beneath. That one alone, or before, is a crash. */
function resetBoth(socket: NetSocket, raw: NetSocket): void {
  raw.destroy = () => {
    release(raw);
    raw.resetAndDestroy();
  };
  destroy(socket);
}

/** What comes between the handshake and the wire. */
class Early {
  readonly chunks: (Uint8Array | null)[] = [];
  error: Error | undefined;

  constructor(socket: TlsSocket) {
    socket.push = (chunk) => {
      this.chunks.push(chunk as Uint8Array | null);
      return false;
    };
    socket.destroy = (error) => this.error ??= error;
    socket.on("error", (error) => this.error ??= error as Error);
  }
}

/** A `tls.TLSSocket` as a wire. */
class NodeTlsWire extends NodeWire {
  readonly #raw: NetSocket;
  #early: Early | undefined;

  constructor(grip: Grip<NetSocket>, raw: NetSocket, early: Early, sink: Sink) {
    super(grip, sink);
    this.#raw = raw;
    this.#early = early;
    // An alert, or a record that is none: such an error alone does not come by way of destroy().
    grip.native.on("error", (error) => this.onError(error as Error));
  }

  override drain(): void {
    this.#replay();
    super.drain();
  }

  /**
   * Node (20 to 26) has a record in flight until the next turn, also one that
   * the kernel took at once, and meanwhile shuts down the socket without
   * `close_notify` (TLSWrap::DoShutdown): right behind the handshake.
   */
  override finish(): void {
    setImmediate(() => super.finish());
  }

  override close(): void {
    destroy(this.native);
  }

  override reset(): void {
    if (!this.finishing) return resetBoth(this.native, this.#raw);
    this.resetByFfi();
    destroy(this.native);
  }

  protected override flow(): void {
    this.#replay();
    super.flow();
  }

  /** A handle that has read `close_notify` reads on beneath, until the peer's FIN; one that has read a FIN does not. */
  protected override tellEnd(): void {
    const reading = (this.#raw._handle?.readStart() ?? 0) !== 0; // UV_EALREADY
    if (reading) this.sink.ended();
    else this.sink.failed(this.#deathBehindEnd() ?? new Truncation(), "read");
  }

  /** What the connection died of if that was no FIN: TLS lets no error through that libuv finds behind its own end. */
  #deathBehindEnd(): Error | undefined {
    const code = confirmsEnd() ? this.diagnose() : undefined;
    // EPIPE: after a FIN, or because of our own.
    if (code === undefined || code === "EPIPE") return undefined;
    return Object.assign(new Error(`read ${code}`), { code, syscall: "read" });
  }

  #replay(): void {
    const early = this.#early;
    if (!early) return;
    this.#early = undefined;
    for (const chunk of early.chunks) this.native.push(chunk);
    if (early.error) this.onError(early.error);
  }
}
