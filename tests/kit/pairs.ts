/**
 * Connections of the library with the scripted peer, or with each other,
 * opened for one case and dropped after it.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import {
  connect,
  type Connection,
  type ConnectOptions,
  listen,
  type Listener,
  type ListenOptions,
} from "../../mod.ts";
import type { CaseContext } from "./cases.ts";
import type { PeerConnection } from "./peer.ts";
import { openTlsPair, TLS_WAYS, type TlsWay } from "./tls.ts";

/** How a connection comes about: from our side or the peer's, over TCP, a Unix socket or TLS. */
export type Way = "connected" | "accepted" | "connected by path" | "accepted by path" | TlsWay;

/** Every {@link Way} without TLS. */
export const WAYS: readonly Way[] = ["connected", "accepted", "connected by path", "accepted by path"];

/** What both `connect` and `listen` take. */
export type CommonOptions = Pick<
  ConnectOptions & ListenOptions,
  "allowHalfOpen" | "closeTimeout" | "keepAlive" | "noDelay" | "readAhead"
>;

/** A connection of the library and the peer's end of it. */
export interface PeerPair {
  connection: Connection;
  peer: PeerConnection;
}

/** Both ends of a connection, of which `client` has connected. */
export interface OwnPair {
  client: Connection;
  server: Connection;
  listener: Listener;
}

/** A path for a Unix socket. */
export function socketPath({ defer }: CaseContext): string {
  const directory = mkdtempSync(`${tmpdir()}/keepwire-`);
  defer(() => rmSync(directory, { recursive: true, force: true }));
  return `${directory}/socket`;
}

/** Port of a listener of ours. */
export function portOf({ address }: Listener): number {
  if (address.transport === "unix") throw new TypeError("A Unix socket has no port");
  return address.port;
}

/** A listener that is closed after the case. */
export async function openListener({ defer }: CaseContext, options: ListenOptions): Promise<Listener> {
  const listener = await listen(options);
  defer(() => listener.close());
  return listener;
}

/** A connection that is dropped after the case. */
export async function openConnection({ defer }: CaseContext, options: ConnectOptions): Promise<Connection> {
  const connection = await connect(options);
  defer(() => connection.abort());
  return connection;
}

/** A connection between us and the peer. */
export async function openPair(
  context: CaseContext,
  way: Way,
  options: CommonOptions = {},
  buffers: { receiveBuffer?: number; sendBuffer?: number } = {},
): Promise<PeerPair> {
  if (isTls(way)) return await openTlsPair(context, way, options, buffers);
  const path = way.endsWith("by path") ? socketPath(context) : undefined;
  if (way.startsWith("connected")) {
    const at = await context.peer.listen({ ...buffers, ...path && { path } });
    const target = path ? { path } : { port: at.port };
    const connection = await openConnection(context, { ...options, ...target });
    return { connection, peer: await at.accept() };
  }
  const where = path ? { path } : { hostname: "127.0.0.1", port: 0 };
  const listener = await openListener(context, { ...options, ...where });
  const target = path ? { path } : { port: portOf(listener) };
  const [connection, peer] = await Promise.all([
    listener.accept(),
    context.peer.connect({ ...buffers, ...target }),
  ]);
  context.defer(() => connection.abort());
  return { connection, peer };
}

function isTls(way: Way): way is TlsWay {
  return TLS_WAYS.includes(way as TlsWay);
}

/** A connection between two ends of ours. */
export async function openOwnPair(
  context: CaseContext,
  options: CommonOptions = {},
  path?: string,
): Promise<OwnPair> {
  const where = path ? { path } : { hostname: "127.0.0.1", port: 0 };
  const listener = await openListener(context, { ...options, ...where });
  const target = path ? { path } : { port: portOf(listener) };
  const [server, client] = await Promise.all([
    listener.accept(),
    openConnection(context, { ...options, ...target }),
  ]);
  context.defer(() => server.abort());
  return { client, server, listener };
}

/** Runs the same in each way, all at once; an error says in which it arose. */
export async function inAllWays(
  run: (way: Way) => Promise<unknown>,
  ways: readonly Way[] = WAYS,
): Promise<void> {
  const ends = await Promise.allSettled(ways.map(run));
  ends.forEach((end, index) => {
    if (end.status === "rejected") throw new Error(`${ways[index]}: ${end.reason}`, { cause: end.reason });
  });
}
