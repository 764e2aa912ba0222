/**
 * Bytes in bulk through `readable` and `writable`: none lost, none doubled,
 * none out of order, and a sender is held back.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Sha256Stream } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openOwnPair, openPair, type Way } from "../kit/pairs.ts";
import { readChunks } from "../kit/streams.ts";
import { sleep } from "../kit/time.ts";
import { MiB, SLOW, stuck, withoutGrowth } from "./bytes.ts";
import { readBy, type Reading, writeBy } from "./streams.ts";

const BULK = 256 * MiB;
const SOME = 24 * MiB;
const FLOOD = 512 * MiB;
/** How much a process may grow that moves {@link BULK} both ways: what this test itself makes and drops is among it. */
const LITTER = 128 * MiB;
const READINGS: readonly Reading[] = ["default", "byob", "loop"];

/** To the peer and from it at once, with a slow reader at each end. */
async function bothWays(context: CaseContext, way: Way, how: Reading, bytes: number): Promise<void> {
  const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
  const before = (await context.oracle.rss(true)).rss;
  const [{ sent, received }, ours, came] = await Promise.all([
    peer.exchange(
      { bytes, seed: "theirs", pieces: [1, 200_000], fin: true },
      { chunk: 100_000, rate: SLOW },
    ),
    writeBy(connection, "ours", bytes),
    readBy(how, connection, { restEvery: bytes / 16 }),
  ]);
  assertEquals(sent, { bytes, sha256: came.sha256, end: "done" });
  assertEquals(came.bytes, bytes);
  assertEquals(received, { bytes, sha256: ours, end: "eof" });
  await connection.closed;
  const growth = (await context.oracle.rss()).highWater - before;
  assert(growth < LITTER, `the process grew by ${growth} bytes`);
}

/** What comes goes back, and the end does too. */
async function echo(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
  const echoing = connection.readable.pipeTo(connection.writable);
  const { sent, received } = await peer.exchange(
    { bytes: SOME, pieces: [1, 200_000], fin: true },
    { rate: SLOW },
  );
  assertEquals(received, { ...sent, end: "eof" });
  await echoing;
  await connection.closed;
}

/** Nobody reads, or nobody does any more, or what it is piped to takes nothing. */
async function flood(context: CaseContext, way: Way, from: Reading | "pipeTo" | "nothing"): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: FLOOD });
  const before = from === "default" || from === "byob" || from === "loop" ? 8 * MiB : 0;
  let [letGo, taken] = [() => {}, 0];
  const gate = new Promise<void>((resolve) => letGo = resolve);
  const came = new Sha256Stream();
  const count = (chunk: Uint8Array) => {
    taken++;
    came.update(chunk);
    return gate;
  };
  const piping = from === "pipeTo"
    ? connection.readable.pipeTo(new WritableStream({ write: count }))
    : undefined;
  let head = before;
  if (before > 0) head = (await readBy(from as Reading, connection, { bytes: before })).bytes;
  const sent = await withoutGrowth(context, () => stuck(peer));
  assert(sent < FLOOD / 8, `nobody held the peer back: it sent ${sent} bytes`);
  await peer.cancel();
  const { bytes, sha256 } = await sending;
  await peer.shutdown();
  if (piping) {
    assertEquals(taken, 1, "chunks taken by a destination that is busy with the first");
    letGo();
    await piping;
    assertEquals({ bytes: came.bytes, sha256: came.digest() }, { bytes, sha256 });
  } else {
    const rest = await readBy("default", connection);
    assertEquals(head + rest.bytes, bytes);
    if (head === 0) assertEquals(rest.sha256, sha256);
  }
  await connection.closed;
}

/** Writes for which there is room go on, and stop when the peer takes no more. */
async function writeToNobody(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way, {}, { receiveBuffer: 16_384 });
  const writer = connection.writable.getWriter();
  let written = 0;
  const chunk = new Uint8Array(16_384);
  const flooding = (async () => {
    for (;;) {
      await writer.ready;
      writer.write(chunk).catch(() => {});
      written += chunk.length;
    }
  })().catch(() => {});
  await sleep(800);
  const stood = written;
  await sleep(400);
  assertEquals(written, stood, "writes go on though nobody reads");
  assert(written < 16 * MiB, `${written} bytes were taken`);
  // The chunk that was let in last filled it.
  assert(writer.desiredSize! <= 0 && writer.desiredSize! > -chunk.length, `${writer.desiredSize}`);
  assertEquals((await peer.status()).received, 0);
  connection.abort();
  await flooding;
}

const several: Case[] = (["accepted", "connected by path", "accepted by path"] as const)
  .map((way, index) => ({
    name: `both ways at once, ${way}, by ${READINGS[index]}`,
    run: (context) => bothWays(context, way, READINGS[index], SOME),
  }));

const floods: Case[] = (["nothing", "default", "byob", "pipeTo"] as const).map((from) => ({
  name: `a flood of 512 MiB is held back after ${from}`,
  timeout: 30_000,
  run: (context) => inAllWays((way) => flood(context, way, from), ["connected", "accepted by path"]),
}));

cases("streams in bulk", [
  // First, while the process has no memory to spare.
  ...floods,
  {
    name: "256 MiB both ways at once by BYOB, with a slow reader at each end",
    timeout: 90_000,
    run: (context) => bothWays(context, "connected", "byob", BULK),
  },
  {
    name: "both ways at once by a default reader, with a slow reader at each end",
    timeout: 60_000,
    run: (context) => bothWays(context, "connected", "default", 2 * SOME),
  },
  ...several,
  { name: "readable piped to writable", run: (context) => inAllWays((way) => echo(context, way)) },
  {
    name: "piped through a third stream, between two ends of ours",
    run: async (context) => {
      const { client, server } = await openOwnPair(context, { allowHalfOpen: true });
      const inverted = () =>
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => byte ^ 0xff)),
        });
      const back = server.readable.pipeThrough(inverted()).pipeThrough(inverted()).pipeTo(server.writable);
      const [sha256, came] = await Promise.all([writeBy(client, "through", SOME), readChunks(client)]);
      assertEquals(came, { bytes: SOME, sha256 });
      await Promise.all([back, client.closed, server.closed]);
    },
  },
  {
    name: "both branches of a tee, of which one is slow",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const [one, two] = connection.readable.tee();
      const sending = peer.send({ bytes: SOME, pieces: [1, 100_000] }).then(async (sent) => {
        await peer.shutdown();
        return sent;
      });
      const [first, second, sent] = await Promise.all([
        readBy("default", { readable: one }),
        readBy("byob", { readable: two }, { restEvery: SOME / 16 }),
        sending,
      ]);
      assertEquals(first, { bytes: SOME, sha256: sent.sha256 });
      assertEquals(second, first);
      await connection.closed;
    },
  },
  {
    name: "writes wait for room, and cost nothing, while the peer takes no more",
    run: (context) => withoutGrowth(context, () => inAllWays((way) => writeToNobody(context, way))),
  },
]);
