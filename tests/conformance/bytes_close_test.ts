/**
 * What was written arrives, also when the connection is closed at once.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities } from "../../mod.ts";
import { SeededStream } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openOwnPair, openPair, type Way } from "../kit/pairs.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { queueStream, readStream, writeStream } from "../kit/streams.ts";
import { sleep } from "../kit/time.ts";
import { closeFlushes, closeGivesBack, closeWithUnread, MiB, neverReads } from "./bytes.ts";

/** Both ends close at once, each with bytes of the other's unread. */
async function bothClose(context: CaseContext): Promise<void> {
  const { client, server } = await openOwnPair(context);
  const buffer = new Uint8Array(100);
  await Promise.all([writeStream(client, "one", 200_000), writeStream(server, "other", 200_000)]);
  assertEquals(await client.read(buffer), 100);
  await Promise.all([client.close(), server.close()]);
  await Promise.all([client.closed, server.closed]);
}

/** The peer reads slowly, for much longer than `closeTimeout`, which counts from the last byte that was taken. */
async function closeTimeoutCounts(context: CaseContext, way: Way): Promise<void> {
  const closeTimeout = 600;
  const bytes = 16 * MiB;
  const { connection, peer } = await openPair(context, way, { closeTimeout }, { receiveBuffer: 262_144 });
  // In one piece, so that its end is not the only sign of life.
  const stream = new SeededStream("slow");
  const writing = connection.write(stream.take(bytes));
  const started = performance.now();
  const closing = connection.close();
  const received = await peer.receive({ rate: 10 * MiB, chunk: 65_536 });
  assertEquals(received, { bytes, sha256: stream.digest(), end: "eof" });
  await peer.close();
  await closing;
  const took = performance.now() - started;
  assert(took > 2 * closeTimeout, `it took ${took} ms: the peer was not slow`);
  await Promise.all([connection.closed, writing]);
}

/** close() while a loop reads: what it answers with `null` is the reader's again. */
async function closeInBulk(context: CaseContext, way: Way, turn: number): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: 4 * MiB });
  await readStream(connection, { bytes: 300_000 + turn * 10_007 });
  const buffers = Array.from({ length: 3 }, () => new Uint8Array(65_536));
  const reads = buffers.map((buffer) => connection.read(buffer));
  if (turn % 2 === 1) await sleep(0);
  const closing = connection.close();
  const counts = await Promise.all(reads);
  const given = buffers.filter((_, index) => counts[index] === null);
  for (const buffer of given) buffer.fill(9);
  assertEquals((await sending).end, "done");
  await peer.shutdown();
  await closing;
  assert(
    given.every((buffer) => buffer.every((byte) => byte === 9)),
    "a buffer was written to after its null",
  );
}

/** A peer that has not acknowledged what the kernel took of us: only the kernel knows. */
async function unacknowledged(context: CaseContext): Promise<void> {
  const { connection } = await openPair(context, "connected", { closeTimeout: 200 }, {
    receiveBuffer: 4_096,
  });
  // More than the peer's kernel takes, less than ours does.
  await connection.write(new Uint8Array(65_536));
  await sleep(50);
  await connection.write(new Uint8Array(65_536));
  await assertSocketError(connection.close(), { code: "ETIMEDOUT", op: "close" });
  await assertSocketError(connection.closed, { code: "ETIMEDOUT", op: "close" });
}

/** A reset while a FIN is asked for and not yet sent. */
async function abortBehindFin(context: CaseContext, way: Way, queued: number): Promise<void> {
  const { connection, peer } = await openPair(context, way, {}, { receiveBuffer: 16_384 });
  const { writes } = queueStream(connection, "dropped", queued);
  const ending = connection.closeWrite();
  connection.abort("enough");
  const expected = { code: "ECONNABORTED", op: "abort", cause: { value: "enough" } } as const;
  const error = await assertSocketError(connection.closed, expected);
  const ends = await Promise.allSettled([ending, ...writes]);
  for (const end of ends) {
    if (end.status === "rejected") assertStrictEquals(checkSocketError(end.reason, expected), error);
  }
  // The FIN may have been sent already.
  const end = await peer.waitForEnd();
  if (end !== "fin") assertEquals(end, "reset");
  if (queued > 0 && capabilities().reset && !way.endsWith("by path")) assertEquals(end, "reset");
}

const inEach = (name: string, run: (context: CaseContext, way: Way) => Promise<void>): Case => ({
  name,
  timeout: 30_000,
  run: (context) => inAllWays((way) => run(context, way)),
});

cases("bytes at the end", [
  {
    name: "close() flushes 64 MiB to a slow peer",
    timeout: 30_000,
    run: (context) => closeFlushes(context, "connected", 64 * MiB, 50 * MiB),
  },
  inEach(
    "close() flushes 8 MiB to a slow peer",
    (context, way) => closeFlushes(context, way, 8 * MiB, 20 * MiB),
  ),
  inEach(
    "close() right after writing, with bytes unread and more arriving, loses nothing",
    (context, way) => closeWithUnread(context, way, false),
  ),
  inEach(
    "close() when all is written, with bytes unread and more arriving, loses nothing",
    (context, way) => closeWithUnread(context, way, true),
  ),
  { name: "both ends close with bytes of the other's unread", run: bothClose },
  inEach("a peer that never reads: ETIMEDOUT after closeTimeout", neverReads),
  inEach("closeTimeout counts from the last byte that the kernel took", closeTimeoutCounts),
  {
    name: "what the kernel took and the peer has not acknowledged is ETIMEDOUT too",
    needs: { capability: "readBack", available: capabilities().readBack },
    run: unacknowledged,
  },
  inEach("close() while reads wait gives their buffers back", closeGivesBack),
  inEach("close() during reads in bulk gives their buffers back", async (context, way) => {
    for (let turn = 0; turn < 10; turn++) await closeInBulk(context, way, turn);
  }),
  inEach("abort() while a FIN is on its way", (context, way) => abortBehindFin(context, way, 0)),
  inEach("abort() while a FIN waits behind bytes", (context, way) => abortBehindFin(context, way, 8 * MiB)),
]);
