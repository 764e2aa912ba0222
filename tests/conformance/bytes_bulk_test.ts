/**
 * Bytes in bulk, both ways at once: none lost, none doubled, none out of order.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { openOwnPair, openPair, socketPath, type Way } from "../kit/pairs.ts";
import { readChunks, readStream, writeStream } from "../kit/streams.ts";

const MiB = 1024 * 1024;

/** The one that the others are small beside. */
const BULK = 256 * MiB;
const SOME = 24 * MiB;

/** Bytes per second of a peer that is slower than what comes. */
const SLOW = 60 * MiB;

async function bothWays(context: CaseContext, way: Way, bytes: number, rate: number): Promise<void> {
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

async function ownBothWays(context: CaseContext, bytes: number, path?: string): Promise<void> {
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

const ways: Case[] = (["accepted", "connected by path", "accepted by path"] as const).map((way) => ({
  name: `both ways at once, ${way}`,
  run: (context) => bothWays(context, way, SOME, SLOW),
}));

cases("bytes in bulk", [
  {
    name: "256 MiB both ways at once in random pieces, with a slow reader at each end",
    timeout: 90_000,
    run: (context) => bothWays(context, "connected", BULK, SLOW),
  },
  ...ways,
  {
    name: "both ways at once between two ends of ours",
    timeout: 60_000,
    run: (context) => ownBothWays(context, 2 * SOME),
  },
  {
    name: "both ways at once between two ends of ours, by path",
    timeout: 60_000,
    run: (context) => ownBothWays(context, SOME, socketPath(context)),
  },
]);
