/**
 * TLS on Bun: `upgradeTLS` of the `Socket` that is open already, so that its
 * options and its file descriptor stay what they are.
 *
 * @module
 */
import { pending } from "../../core/lifecycle/promises.ts";
import type { Attempt } from "../../core/lifecycle/dial.ts";
import type { Handshake, Secured } from "../../core/lifecycle/upgrade.ts";
import type { Sink } from "../../core/lifecycle/wire.ts";
import { type ErrorContext, socketError } from "../../core/socket_error.ts";
import { wireFormat } from "../../core/tls/alpn.ts";
import { certificatesOf } from "../../core/tls/pem.ts";
import type { ListenTlsPlan, TlsPlan } from "../../core/tls/validate.ts";
import type { Grip } from "../shared/base_wire.ts";
import { identify, infoOf } from "../shared/certificates.ts";
import { type BunSocket, type BunTlsSocket, crypto, tls, type TlsEvents, tlsHandlers } from "./host.ts";
import { door } from "./sockopt.ts";
import { BunWire, codeError, deaf } from "./wire.ts";

/**
 * Has certificates and keys read, which Bun's own sockets would do without a word to us.
 *
 * @throws {SocketError} `EINVAL`: BoringSSL refuses one of them.
 */
export function requireReadable(
  { identity, caCerts }: Pick<TlsPlan, "identity" | "caCerts">,
  context: ErrorContext,
): void {
  // Of a text with several Bun reads those before the first that it cannot.
  const ca = [...caCerts, identity?.cert ?? ""].flatMap(certificatesOf);
  try {
    tls().createSecureContext({ ...identity, ...(ca.length > 0 ? { ca } : {}) });
  } catch (cause) {
    throw socketError("EINVAL", context, cause, "BoringSSL refuses a certificate or the key");
  }
}

/** The client's handshake on a connected socket. */
export function clientHandshake(grip: Grip<BunSocket>, plan: TlsPlan, context: ErrorContext): Handshake {
  const { serverName, isAddress, caCerts, identity } = plan;
  requireReadable(plan, context);
  const options = {
    // Also against NODE_TLS_REJECT_UNAUTHORIZED=0.
    rejectUnauthorized: true,
    ...identity,
    // Bun (1.4.5) sends as SNI whatever stands here.
    ...(isAddress ? {} : { serverName }),
    // The option replaces the authorities that Bun trusts by default.
    ...(caCerts.length > 0 ? { ca: [...tls().getCACertificates("default"), ...caCerts] } : {}),
    ...alpnOf(plan),
  };
  return () =>
    shake(
      grip,
      { tls: options },
      (socket, doubt) =>
        doubt ??
          identify(tls(), serverName, socket.getPeerCertificate(), crypto),
    );
}

/** The server's handshake on a socket that was accepted. */
export function serverHandshake(grip: Grip<BunSocket>, plan: ListenTlsPlan): Handshake {
  const { identity, requestCert, caCerts } = plan;
  const clients = requestCert ? { ca: [...caCerts], requestCert } : {};
  const options = { ...identity, ...clients, rejectUnauthorized: requestCert, ...alpnOf(plan) };
  return () =>
    shake(
      grip,
      { tls: options, isServer: true },
      (socket, doubt) => requestCert ? doubt ?? refusalOf(socket) : undefined,
    );
}

function refusalOf(socket: BunTlsSocket): Error | undefined {
  return socket.getPeerX509Certificate() ? undefined : new Error("the client has no certificate");
}

function alpnOf({ alpnProtocols }: { alpnProtocols: readonly string[] }): Record<string, unknown> {
  return alpnProtocols.length > 0 ? { ALPNProtocols: wireFormat(alpnProtocols) } : {};
}

/** One handshake, the client's or the server's. */
function shake(
  grip: Grip<BunSocket>,
  options: Record<string, unknown>,
  verify: (socket: BunTlsSocket, doubt: Error | null) => Error | undefined,
): Attempt<Secured> {
  const { promise, resolve, reject } = pending<Secured>();
  const early = new Early((socket, done, doubt) => {
    const error = done ? verify(socket, doubt) : doubt ?? codeError("EPROTO");
    if (error) {
      close();
      return reject(error);
    }
    socket.pause();
    resolve({
      info: infoOf(socket.getTLSVersion(), socket.alpnProtocol, socket.getPeerX509Certificate()),
      open: (sink) => new BunTlsWire(secured, early, sink),
    });
  }, reject);
  const raw = grip.native;
  raw.data = deaf;
  const [, socket] = raw.upgradeTLS({ ...options, data: early, socket: tlsHandlers });
  const secured = securedGrip(grip, socket);
  const close = () => {
    // terminate() tells of a handshake that is under way that it has failed.
    const unheard: TlsEvents = { ...deaf, shaken: () => {}, failed: () => {} };
    socket.data = unheard;
    socket.terminate();
  };
  const cancel = () => {
    // With TLS terminate() sends a FIN (Bun 1.4.5).
    grip.reach.descriptor?.reset();
    close();
  };
  return { opened: promise, cancel, discard: cancel };
}

/** The options are the same socket's, which has another object now: already during the handshake, for the plain wire too. */
function securedGrip(grip: Grip<BunSocket>, native: BunTlsSocket): Grip<BunSocket> {
  const { reach } = grip;
  reach.descriptor = door.descriptorOf(native);
  if (reach.callNative) reach.callNative = door.callNative.bind(door, native);
  return { ...grip, native };
}

/** What is told during the handshake, and between it and the first question of the reading side. */
class Early implements TlsEvents {
  /** `doubt` is what failed, or where the handshake is done what is wrong with the peer's certificate: none at all, too. */
  readonly shaken: (socket: BunTlsSocket, done: boolean, doubt: Error | null) => void;
  readonly #failed: (error: Error) => void;
  readonly #told: ((wire: BunTlsWire) => void)[] = [];

  constructor(
    shaken: (socket: BunTlsSocket, done: boolean, doubt: Error | null) => void,
    failed: (error: Error) => void,
  ) {
    this.shaken = shaken;
    this.#failed = failed;
  }

  opened(): void {
    // It was open before.
  }

  drained(): void {
    // Nothing is being written.
  }

  received(chunk: Uint8Array): void {
    this.#told.push((wire) => wire.received(chunk));
  }

  ended(): void {
    this.#told.push((wire) => wire.ended());
  }

  failed(error: Error): void {
    this.#told.push((wire) => wire.failed(error));
  }

  closed(error: Error | undefined): void {
    this.#told.push((wire) => wire.closed(error));
    this.#failed(error ?? codeError("ECONNRESET"));
  }

  replay(wire: BunTlsWire): void {
    for (const tell of this.#told.splice(0)) tell(wire);
  }
}

/** A `Socket` of Bun with TLS as a wire. */
class BunTlsWire extends BunWire {
  #early: Early | undefined;

  constructor(grip: Grip<BunSocket>, early: Early, sink: Sink) {
    super(grip, sink);
    this.flowing = false;
    this.#early = early;
  }

  override reset(): void {
    this.resetByFfi();
    super.reset();
  }

  failed(error: Error): void {
    this.sink.failed(error, "read");
  }

  protected override flow(): void {
    const early = this.#early;
    this.#early = undefined;
    super.flow();
    early?.replay(this);
  }
}
