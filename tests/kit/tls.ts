/**
 * Connections with TLS between the library and the scripted peer, which has
 * Python's `ssl`: the library is not its own judge.
 *
 * @module
 */
import { connect, type Connection, type ConnectOptions, listen, type TlsOptions } from "../../mod.ts";
import type { CaseContext } from "./cases.ts";
import { certificates, type Certified } from "./certificates.ts";
import type { PeerConnection, PeerListener, PeerListenOptions, PeerTlsOptions } from "./peer.ts";

/** How a connection with TLS comes about: at once, by `startTls()`, or from the peer's side. */
export type TlsWay = "connected with TLS" | "upgraded to TLS" | "accepted with TLS";

/** The ways of a client. */
export const TLS_CLIENT_WAYS: readonly TlsWay[] = ["connected with TLS", "upgraded to TLS"];

/** Every {@link TlsWay}. */
export const TLS_WAYS: readonly TlsWay[] = [...TLS_CLIENT_WAYS, "accepted with TLS"];

/** What clients of ours are given for a peer with {@link serverTls}. */
export function clientTls(options: TlsOptions = {}): TlsOptions {
  return { caCerts: [certificates().authority.cert], ...options };
}

/** What the peer is given as a server that clients with {@link clientTls} trust. */
export function serverTls(
  options: PeerTlsOptions = {},
  { cert, key }: Certified = certificates().good,
): PeerTlsOptions {
  return { cert, key, ...options };
}

/** What {@link attemptTls} asks of the library. */
export interface Attempting extends Partial<Omit<ConnectOptions, "tls">> {
  tls?: TlsOptions;
  /** Written as soon as `startTls()` is called. */
  early?: Uint8Array;
}

/** How an attempt of ours went, and what the peer made of it. */
export interface Attempted<Seen> {
  /** Absent where it failed: then `error` is why. */
  connection?: Connection;
  error?: unknown;
  /** What became of `early`; `undefined` where it was written. */
  earlyError?: unknown;
  /** The peer's end. */
  peer: PeerConnection;
  seen: Seen;
}

/** A client's handshake with the peer, in one of the ways; the peer does `meet`. */
export async function attemptTls<Seen>(
  context: CaseContext,
  way: TlsWay,
  options: Attempting,
  meet: (peer: PeerConnection) => Promise<Seen>,
  listening: PeerListenOptions = {},
): Promise<Attempted<Seen>> {
  const at = await context.peer.listen(listening);
  const { early, ...rest } = options;
  const ended: Pick<Attempted<Seen>, "connection" | "error" | "earlyError"> = {};
  const opening = begin(context, way, at, rest, (connection) => {
    if (early) connection.write(early).catch((error: unknown) => ended.earlyError = error);
  });
  const settled = opening.then(
    (connection) => ended.connection = connection,
    (error: unknown) => ended.error = error,
  );
  const peer = await at.accept();
  const [seen] = await Promise.all([meet(peer), settled]);
  return { ...ended, peer, seen };
}

async function begin(
  { defer }: CaseContext,
  way: TlsWay,
  { port }: PeerListener,
  { tls = clientTls(), ...options }: Attempting,
  started: (connection: Connection) => void,
): Promise<Connection> {
  const at = { hostname: "localhost", ...options, port };
  const starting = way === "upgraded to TLS";
  const connection = await connect({ ...at, tls: starting ? "starttls" : tls });
  defer(() => connection.abort());
  if (!starting) return connection;
  const secured = connection.startTls(tls);
  started(connection);
  return await secured;
}

/** A connection with TLS between us and the peer, whose handshakes went well. */
export async function openTlsPair(
  context: CaseContext,
  way: TlsWay,
  options: Partial<Omit<ConnectOptions, "tls" | "port" | "path">> = {},
  buffers: { receiveBuffer?: number; sendBuffer?: number } = {},
): Promise<{ connection: Connection; peer: PeerConnection }> {
  if (way === "accepted with TLS") return await acceptTls(context, options, buffers);
  const meet = (peer: PeerConnection) => peer.secure(serverTls());
  const { connection, error, peer, seen } = await attemptTls(context, way, options, meet, buffers);
  if (!connection || seen.error) throw new Error(`${way}: ${error ?? seen.error}`, { cause: error });
  return { connection, peer };
}

async function acceptTls(
  context: CaseContext,
  options: object,
  buffers: { receiveBuffer?: number; sendBuffer?: number },
): Promise<{ connection: Connection; peer: PeerConnection }> {
  const { cert, key } = certificates().good;
  const listener = await listen({ hostname: "127.0.0.1", port: 0, ...options, tls: { cert, key } });
  context.defer(() => listener.close());
  const { address } = listener;
  if (address.transport !== "tcp") throw new TypeError("A Unix socket has no port");
  const accepting = listener.accept();
  const peer = await context.peer.connect({ port: address.port, ...buffers });
  const [connection, seen] = await Promise.all([accepting, peer.secure(trustingClient())]);
  context.defer(() => connection.abort());
  if (seen.error) throw new Error(`${seen.error}`);
  return { connection, peer };
}

/** What the peer is given as a client. */
export function trustingClient(options: PeerTlsOptions = {}): PeerTlsOptions {
  return { server: false, caCerts: [certificates().authority.cert], serverName: "localhost", ...options };
}
