/**
 * What was written arrives, also when the connection is closed at once.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities } from "../../mod.ts";
import { seededSha256 } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openOwnPair, openPair, type Way } from "../kit/pairs.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { queueStream, readStream, writeStream } from "../kit/streams.ts";
import { sleep } from "../kit/time.ts";

const MiB = 1024 * 1024;

/** Milliseconds after which a peer that is slow begins to read. */
const LATE = 150;

/** Everything is queued, then close() at once, then the peer begins to read slowly. */
async function closeFlushes(context: CaseContext, way: Way, bytes: number, rate: number): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const { writes, sha256 } = queueStream(connection, "queued", bytes);
  const closing = connection.close();
  await sleep(LATE);
  const received = await peer.receive({ rate });
  assertEquals(received, { bytes, sha256, end: "eof" });
  await Promise.all(writes);
  await peer.close();
  await closing;
  await connection.closed;
}

/**
 * A peer that sends without end, bytes of it that nobody has read, 1 MiB
 * written, and close(): the kernel would answer the next segment by a RST and
 * throw away what it has not sent.
 */
async function closeWithUnread(context: CaseContext, way: Way, waits: boolean): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: 12 * MiB, seed: "unread", rate: 20 * MiB });
  await sleep(LATE);
  const { writes, sha256 } = queueStream(connection, "written", MiB);
  const receiving = sleep(LATE).then(() => peer.receive());
  if (waits) await Promise.all(writes);
  const closing = connection.close();
  assertEquals(await receiving, { bytes: MiB, sha256, end: "eof" });
  await Promise.all(writes);
  // Not one of the peer's bytes was refused, though all were thrown away.
  const sent = await sending;
  assertEquals(sent, { bytes: 12 * MiB, sha256: seededSha256("unread", 12 * MiB), end: "done" });
  assertEquals(await peer.shutdown(), "done");
  await closing;
  await connection.closed;
}

/** Both ends close at once, each with bytes of the other's unread. */
async function bothClose(context: CaseContext): Promise<void> {
  const { client, server } = await openOwnPair(context);
  const buffer = new Uint8Array(100);
  await Promise.all([writeStream(client, "one", 200_000), writeStream(server, "other", 200_000)]);
  assertEquals(await client.read(buffer), 100);
  await Promise.all([client.close(), server.close()]);
  await Promise.all([client.closed, server.closed]);
}

/** The peer never reads. What is queued here cannot arrive, and all that waits gets one error. */
async function neverReads(context: CaseContext, way: Way): Promise<void> {
  const closeTimeout = 300;
  const { connection, peer } = await openPair(context, way, { closeTimeout }, { receiveBuffer: 16_384 });
  const { writes } = queueStream(connection, "lost", 16 * MiB);
  const started = performance.now();
  const closing = connection.close();
  const expected = { code: "ETIMEDOUT", op: "close", remoteAddress: connection.remoteAddress } as const;
  const error = await assertSocketError(closing, expected);
  const took = performance.now() - started;
  assert(took > closeTimeout - 5 && took < closeTimeout + 2_000, `it took ${took} ms`);
  assertStrictEquals(await assertSocketError(connection.closed, expected), error);
  assertStrictEquals(await assertSocketError(writes.at(-1)!, expected), error);
  const reset = capabilities().reset && !way.endsWith("by path");
  assertEquals(await peer.waitForEnd(), reset ? "reset" : "fin");
}

/** The peer reads slowly, for much longer than `closeTimeout`, which counts from the last byte that was taken. */
async function closeTimeoutCounts(context: CaseContext, way: Way): Promise<void> {
  const closeTimeout = 600;
  const bytes = 16 * MiB;
  const { connection, peer } = await openPair(context, way, { closeTimeout }, { receiveBuffer: 262_144 });
  const { writes, sha256 } = queueStream(connection, "slow", bytes);
  const started = performance.now();
  const closing = connection.close();
  const received = await peer.receive({ rate: 10 * MiB, chunk: 65_536 });
  assertEquals(received, { bytes, sha256, end: "eof" });
  await peer.close();
  await closing;
  const took = performance.now() - started;
  assert(took > 2 * closeTimeout, `it took ${took} ms: the peer was not slow`);
  await Promise.all([connection.closed, ...writes]);
}

/** close() while a loop reads: what it answers with `null` is the reader's again. */
async function closeGivesBack(context: CaseContext, way: Way, turn: number): Promise<void> {
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
  inEach("close() during reads in bulk gives their buffers back", async (context, way) => {
    for (let turn = 0; turn < 10; turn++) await closeGivesBack(context, way, turn);
  }),
  inEach("abort() while a FIN is on its way", (context, way) => abortBehindFin(context, way, 0)),
  inEach("abort() while a FIN waits behind bytes", (context, way) => abortBehindFin(context, way, 8 * MiB)),
]);
