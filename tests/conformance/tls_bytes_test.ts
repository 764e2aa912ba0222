/**
 * Bytes under TLS: none lost, none doubled, none out of order, and a sender
 * that is faster than its reader is held back.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { randomPieces, SeededStream } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openPair } from "../kit/pairs.ts";
import { readStream } from "../kit/streams.ts";
import { TLS_WAYS, type TlsWay } from "../kit/tls.ts";
import {
  bothWays,
  closeFlushes,
  closeGivesBack,
  closeWithUnread,
  flood,
  manyReads,
  MiB,
  SLOW,
  stuck,
} from "./bytes.ts";
import { readBy, type Reading, writeBy } from "./streams.ts";

const BULK = 256 * MiB;
const SOME = 24 * MiB;

const each = (name: string, run: (context: CaseContext, way: TlsWay) => Promise<void>): Case[] =>
  TLS_WAYS.map((way) => ({ name: `${name} (${way})`, timeout: 40_000, run: (context) => run(context, way) }));

/** Those that mostly wait. */
const together = (name: string, run: (context: CaseContext, way: TlsWay) => Promise<void>): Case[] => [
  {
    name: `${name} (${TLS_WAYS.join(", ")})`,
    run: (context) => inAllWays((way) => run(context, way as TlsWay), TLS_WAYS),
  },
];

/** Writes that nobody waits for, empty ones among them; they resolve in their order. */
async function manyWrites(context: CaseContext, way: TlsWay): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const stream = new SeededStream("writes");
  const order: number[] = [];
  const writes = [...randomPieces("sizes", 1_000_000, 0, 2_000)].map((size, index) =>
    connection.write(stream.take(size)).then(() => void order.push(index))
  );
  const [received] = await Promise.all([peer.receive({ bytes: 1_000_000 }), ...writes]);
  assertEquals(received.sha256, stream.digest());
  assertEquals(order, writes.map((_, index) => index));
}

/** By `readable` and `writable`, both at once, with a slow reader at each end. */
async function byStreams(context: CaseContext, way: TlsWay, how: Reading): Promise<void> {
  const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
  const exchanging = peer.exchange(
    { bytes: SOME, seed: "theirs", pieces: [1, 200_000], fin: true },
    { rate: SLOW },
  );
  const [ours, came] = await Promise.all([
    writeBy(connection, "ours", SOME),
    readBy(how, connection, { restEvery: SOME / 8 }),
  ]);
  const { sent, received } = await exchanging;
  assertEquals([sent.sha256, sent.bytes], [came.sha256, came.bytes]);
  assertEquals(received, { bytes: SOME, sha256: ours, end: "eof" });
  await connection.closed;
}

/** What is read ahead while nobody reads. */
async function readAhead(context: CaseContext, way: TlsWay): Promise<void> {
  const { connection, peer } = await openPair(context, way, { readAhead: 100_000 });
  const sending = peer.send({ bytes: 8 * MiB });
  await stuck(peer);
  const ends = { local: connection.localAddress, remote: connection.remoteAddress };
  const info = await context.oracle.tcpInfo(ends);
  const taken = Number(info.bytesReceived) - Number(info.unread);
  assert(taken >= 100_000 && taken <= 100_000 + MiB, `${taken} bytes were read ahead, of 100,000`);
  const [came, sent] = await Promise.all([readStream(connection, { bytes: 8 * MiB }), sending]);
  assertEquals(sent, { bytes: 8 * MiB, sha256: came.sha256, end: "done" });
}

/** Each end answers the other, many times: nothing waits for more than what has come. */
async function pingPong(context: CaseContext, way: TlsWay): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const buffer = new Uint8Array(64);
  for (let turn = 0; turn < 50; turn++) {
    const text = `turn ${turn}`;
    await connection.write(new TextEncoder().encode(text));
    assertEquals(await peer.readText(text.length), text);
    await peer.write(text);
    let found = "";
    while (found.length < text.length) {
      found += new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer))!));
    }
    assertEquals(found, text);
  }
}

cases("tls, bytes", [
  {
    name: "256 MiB both ways at once in random pieces, with a slow reader at each end",
    timeout: 120_000,
    run: (context) => bothWays(context, "connected with TLS", BULK, SLOW),
  },
  ...each("both ways at once", (context, way) => bothWays(context, way, SOME, SLOW)),
  ...each("many writes", manyWrites),
  ...each("many reads", manyReads),
  ...each("many reads, a slow sender", (context, way) => manyReads(context, way, 2 * MiB)),
  ...each("a word and an answer", pingPong),
  ...each("close() flushes what is queued", (context, way) => closeFlushes(context, way, 8 * MiB, SLOW)),
  ...together("close() with unread bytes", (context, way) => closeWithUnread(context, way, true)),
  ...together("close() gives buffers back", closeGivesBack),
  ...together("readAhead", readAhead),
  ...each("readable and writable", (context, way) => byStreams(context, way, "default")),
  {
    name: "readable by BYOB and writable",
    run: (context) => byStreams(context, "connected with TLS", "byob"),
  },
  ...(["connected with TLS", "accepted with TLS"] as const).map((way): Case => ({
    name: `a flood of 512 MiB (${way})`,
    timeout: 40_000,
    run: (context) => flood(context, way, 1_000),
  })),
]);
