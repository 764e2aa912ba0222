/**
 * What the `node_stream_*` files have in common: streams over connections of
 * the library, and what they tell.
 *
 * @module
 */
import type { ConnectOptions } from "../../mod.ts";
import { type ConnectionDuplex, createConnection, toDuplex } from "../../node_stream.ts";
import type { CaseContext } from "../kit/cases.ts";
import { type CommonOptions, openConnection, openPair } from "../kit/pairs.ts";
import type { PeerConnection } from "../kit/peer.ts";

/** How a stream comes about. */
export type StreamWay = "createConnection" | "toDuplex, connected" | "toDuplex, accepted";

/** Every {@link StreamWay}. */
export const STREAM_WAYS: readonly StreamWay[] = [
  "createConnection",
  "toDuplex, connected",
  "toDuplex, accepted",
];

/** A stream, and the peer's end of its connection. */
export interface StreamPair {
  stream: ConnectionDuplex;
  peer: PeerConnection;
  /** The names of the events it has emitted, with the code of an error. */
  events: string[];
}

const EVENTS = ["connect", "ready", "timeout", "end", "finish", "error", "close"];

/** The events of a stream, in their order. */
export function record(stream: ConnectionDuplex): string[] {
  const events: string[] = [];
  for (const name of EVENTS) {
    stream.on(name, (error?: Error & { code?: string }) => {
      events.push(name === "error" ? `error ${error?.code ?? error?.message}` : name);
    });
  }
  return events;
}

/** A stream that is dropped after the case. */
export function openStream({ defer }: CaseContext, options?: ConnectOptions): ConnectionDuplex {
  const stream = createConnection(options);
  defer(() => stream.resetAndDestroy());
  return stream;
}

/** Waits for an event; an error that comes instead is thrown, unless it was what was waited for. */
export function once(stream: ConnectionDuplex, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    stream.once(event, resolve);
    if (event !== "error" && event !== "close") stream.once("error", reject);
  });
}

/** A connected stream and the peer. */
export async function openStreamPair(
  context: CaseContext,
  way: StreamWay,
  options: CommonOptions = {},
  buffers: { receiveBuffer?: number; sendBuffer?: number } = {},
): Promise<StreamPair> {
  if (way !== "createConnection") {
    const pairWay = way === "toDuplex, connected" ? "connected" : "accepted";
    const { connection, peer } = await openPair(context, pairWay, options, buffers);
    const stream = toDuplex(connection);
    return { stream, peer, events: record(stream) };
  }
  const at = await context.peer.listen(buffers);
  const stream = openStream(context, { ...options, port: at.port });
  const events = record(stream);
  await once(stream, "connect");
  return { stream, peer: await at.accept(), events };
}

/** A stream over a connection that `connect` opened. */
export async function streamTo(context: CaseContext, options: ConnectOptions): Promise<ConnectionDuplex> {
  return toDuplex(await openConnection(context, options));
}
