/**
 * What the `bytes_*` files do with a connection, and `ffi_free` on a smaller
 * scale.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities } from "../../mod.ts";
import { randomPieces, seededSha256, Sha256Stream } from "../kit/bytes.ts";
import type { CaseContext } from "../kit/cases.ts";
import { openOwnPair, openPair, type Way } from "../kit/pairs.ts";
import type { PeerConnection } from "../kit/peer.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { queueStream, readChunks, readStream, writeStream } from "../kit/streams.ts";
import { eventually, sleep } from "../kit/time.ts";

export const MiB = 1024 * 1024;

/** Bytes per second of a peer that is slower than what comes. */
export const SLOW = 60 * MiB;

/** Milliseconds after which a peer that is slow begins to read. */
const LATE = 150;

const FLOOD = 512 * MiB;

/** How much a process may grow that holds back a flood. */
const GROWTH = 32 * MiB;

/** Milliseconds that a sender must have stood still: a read for the read-ahead may begin up to a second late. */
const STILL = 1_100;

/** The same number of bytes to the peer and from it, at once, with a slow reader at each end. */
export async function bothWays(context: CaseContext, way: Way, bytes: number, rate: number): Promise<void> {
  const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
  const exchanging = peer.exchange(
    { bytes, seed: "theirs", pieces: [1, 200_000], fin: true },
    { chunk: 100_000, rate },
  );
  const writing = writeStream(connection, "ours", bytes).then(async (sha256) => {
    await connection.closeWrite();
    return sha256;
  });
  const came = await readStream(connection, { restEvery: bytes / 16 });
  const ours = await writing;
  const { sent, received } = await exchanging;
  assertEquals(sent, { bytes, sha256: came.sha256, end: "done" });
  assertEquals(came.bytes, bytes);
  assertEquals(received, { bytes, sha256: ours, end: "eof" });
  await connection.closed;
}

/** The same between two ends of ours: one reads with buffers, the other by iteration. */
export async function ownBothWays(context: CaseContext, bytes: number, path?: string): Promise<void> {
  const { client, server } = await openOwnPair(context, { allowHalfOpen: true }, path);
  const [fromClient, fromServer, atServer, atClient] = await Promise.all([
    writeStream(client, "client", bytes).then((sha256) => client.closeWrite().then(() => sha256)),
    writeStream(server, "server", bytes).then((sha256) => server.closeWrite().then(() => sha256)),
    readStream(server, { restEvery: bytes / 16 }),
    readChunks(client),
  ]);
  assertEquals(atServer, { bytes, sha256: fromClient });
  assertEquals(atClient, { bytes, sha256: fromServer });
  await Promise.all([client.closed, server.closed]);
}

/** Everything is queued, then close() at once, then the peer begins to read slowly. */
export async function closeFlushes(
  context: CaseContext,
  way: Way,
  bytes: number,
  rate: number,
): Promise<void> {
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
 * 300 reads of many sizes wait at once, and are answered in their order; with
 * a `rate`, bytes per second of the sender, by many small pieces.
 */
export async function manyReads(context: CaseContext, way: Way, rate?: number): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const order: number[] = [];
  const buffers = [...randomPieces("buffers", 900_000, 1, 6_000)].map((size) => new Uint8Array(size));
  const reads = buffers.map((buffer, index) =>
    connection.read(buffer).then((count) => {
      order.push(index);
      return count;
    })
  );
  // Not waited for before the last byte is read: what short reads leave over may be more than the kernel holds.
  const sending = peer.send({ bytes: 900_000, seed: "reads", pieces: [1, 9_000], rate }).then(
    async (sent) => {
      await peer.shutdown();
      return sent;
    },
  );
  const came = new Sha256Stream();
  const counts = await Promise.all(reads);
  counts.forEach((count, index) => came.update(buffers[index].subarray(0, count ?? 0)));
  assert(counts.slice(0, 150).every((count) => count !== null && count > 0), "a read gave nothing");
  // Once a read gives null, all behind it do.
  const ended = counts.indexOf(null);
  if (ended >= 0) assert(counts.slice(ended).every((count) => count === null), "bytes after the end");
  assertEquals(order, order.map((_, index) => index));
  for (let count; (count = await connection.read(buffers[0])) !== null;) {
    came.update(buffers[0].subarray(0, count));
  }
  const { sha256 } = await sending;
  assertEquals({ bytes: came.bytes, sha256: came.digest() }, { bytes: 900_000, sha256 });
}

/**
 * A peer that sends without end, bytes of it that nobody has read, 1 MiB
 * written, and close(): the kernel would answer the next segment by a RST and
 * throw away what it has not sent.
 */
export async function closeWithUnread(context: CaseContext, way: Way, waits: boolean): Promise<void> {
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

/**
 * close() while a read waits, in a connection that has just read in bulk: what
 * is answered with `null` is the caller's again, whatever still comes.
 */
export async function closeGivesBack(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const size = 60_000;
  const buffers = Array.from({ length: 3 }, () => new Uint8Array(2 * size));
  for (let turn = 0; turn < 3; turn++) {
    await peer.send({ bytes: size });
    for (let came = 0; came < size;) came += (await connection.read(buffers[0]))!;
  }
  const reads = buffers.map(async (buffer) => {
    const count = await connection.read(buffer);
    buffer.fill(9);
    return count;
  });
  await sleep(LATE);
  const closing = connection.close();
  const more = () => peer.send({ bytes: size, seed: "more" });
  const [counts] = await Promise.all([Promise.all(reads), more()]);
  assertEquals(counts, [null, null, null]);
  await more();
  await peer.shutdown();
  await closing;
  assert(buffers.every((buffer) => buffer.every((byte) => byte === 9)), "a buffer was written to");
}

/** The peer never reads. What is queued here cannot arrive, and all that waits gets one error. */
export async function neverReads(context: CaseContext, way: Way): Promise<void> {
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
  // Without a reset what the kernel had taken is still there to be read.
  assertEquals((await peer.receive()).end, reset ? "ECONNRESET" : "eof");
}

/** Waits until the peer can send no more; gives what it has sent. */
export async function stuck(peer: PeerConnection): Promise<number> {
  let sent = -1;
  const stands = async () => {
    const before = sent;
    sent = (await peer.status()).sent;
    if (sent === before) return true;
    await sleep(STILL);
    return false;
  };
  await eventually(stands, 15_000, "A sender that is held back");
  return sent;
}

/** The process must not grow while `work` is done. */
export async function withoutGrowth<T>({ oracle }: CaseContext, work: () => Promise<T>): Promise<T> {
  const { rss } = await oracle.rss(true);
  const result = await work();
  const { highWater } = await oracle.rss();
  assert(highWater - rss < GROWTH, `the process grew by ${highWater - rss} bytes`);
  return result;
}

/** A flood begins when `before` bytes of it have been read, and is judged when it has come to a stop. */
export async function flood(context: CaseContext, way: Way, before: number): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: FLOOD });
  if (before > 0) await readStream(connection, { bytes: before });
  const sent = await withoutGrowth(context, () => stuck(peer));
  assert(sent < FLOOD / 8, `nobody held the peer back: it sent ${sent} bytes`);
  await peer.cancel();
  const { bytes, sha256 } = await sending;
  await peer.shutdown();
  // All that was sent is there, however long nobody read.
  const came = await readStream(connection);
  assertEquals(before + came.bytes, bytes);
  if (before === 0) assertEquals(came.sha256, sha256);
  await connection.closed;
}
