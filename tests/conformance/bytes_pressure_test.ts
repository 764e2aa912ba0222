/**
 * Somebody sends and nobody reads: the sender is held back, and memory stays
 * what it was.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openPair, type Way } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { readStream } from "../kit/streams.ts";
import { sleep } from "../kit/time.ts";
import { flood, MiB, stuck, withoutGrowth } from "./bytes.ts";

/** What a runtime takes from the kernel by one call at most; Bun's buffer is the largest. */
const CHUNK = 512 * 1024;

/** A read-ahead of `readAhead` bytes, filled by a peer that has more to send. */
async function fillReadAhead(context: CaseContext, way: Way, readAhead: number): Promise<void> {
  const { connection, peer } = await openPair(context, way, { readAhead });
  const sending = peer.send({ bytes: 8 * MiB });
  await stuck(peer);
  const ends = { local: connection.localAddress, remote: connection.remoteAddress };
  const info = await context.oracle.tcpInfo(ends);
  const taken = Number(info.bytesReceived) - Number(info.unread);
  assert(taken >= readAhead, `only ${taken} bytes were read ahead, of ${readAhead}`);
  assert(taken <= readAhead + CHUNK, `${taken} bytes were read ahead, of ${readAhead}`);
  const [came, sent] = await Promise.all([readStream(connection, { bytes: 8 * MiB }), sending]);
  assertEquals(sent, { bytes: 8 * MiB, sha256: came.sha256, end: "done" });
}

/** Writes that nobody takes: one of all that the caller holds, or many of parts of it. */
async function writeToNobody(
  context: CaseContext,
  way: Way,
  held: Uint8Array,
  pieces: number,
): Promise<void> {
  const { connection, peer } = await openPair(context, way, {}, { receiveBuffer: 16_384 });
  const size = held.length / pieces;
  let settled = 0;
  const count = () => settled++;
  const writes = Array.from({ length: pieces }, (_, index) => {
    const write = connection.write(held.subarray(index * size, (index + 1) * size));
    write.then(count, count);
    return write;
  });
  await sleep(800);
  const took = settled;
  await sleep(400);
  assertEquals(settled, took, "writes go on though nobody reads");
  assert(settled * size < 16 * MiB, `${settled} writes were taken`);
  assertEquals((await peer.status()).received, 0);
  connection.abort();
  const ends = await Promise.allSettled(writes);
  const rejected = ends.filter((end) => end.status === "rejected");
  assertEquals(rejected.length, pieces - took);
  const reasons = new Set(rejected.map(({ reason }) => reason));
  assertEquals(reasons.size, 1, "not one error for all");
  checkSocketError(rejected[0].reason, { code: "ECONNABORTED", op: "abort" });
}

const writes: Case[] = [1, 256].map((pieces) => ({
  name: `a write that nobody takes stays pending, and costs nothing: 256 MiB in ${pieces}`,
  run: (context) => {
    const held = new Uint8Array(256 * MiB).fill(7);
    return withoutGrowth(context, () => inAllWays((way) => writeToNobody(context, way, held, pieces)));
  },
}));

cases("bytes under pressure", [
  // First, while the process has no memory to spare; on a Unix socket the kernel puts fewest of them together.
  {
    name: "1 MiB in single bytes while nobody reads takes no more memory than in large pieces",
    timeout: 40_000,
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected by path", { readAhead: 2 * MiB });
      const sending = () => peer.send({ bytes: MiB, pieces: [1, 1] });
      const sent = await withoutGrowth(context, sending);
      assertEquals(sent.end, "done");
      await peer.shutdown();
      assertEquals(await readStream(connection), { bytes: MiB, sha256: sent.sha256 });
      await connection.closed;
    },
  },
  {
    name: "a flood of 512 MiB that nobody reads is held back",
    run: (context) => inAllWays((way) => flood(context, way, 0)),
  },
  {
    name: "a flood of 512 MiB that nobody reads any more is held back",
    run: (context) => inAllWays((way) => flood(context, way, 8 * MiB)),
  },
  {
    name: "readAhead 1, 65,536 and 1 MiB is what is taken while nobody reads",
    run: (context) =>
      inAllWays(async (way) => {
        await Promise.all([1, 65_536, MiB].map((readAhead) => fillReadAhead(context, way, readAhead)));
      }, ["connected", "accepted"]),
  },
  ...writes,
]);
