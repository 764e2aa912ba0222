/**
 * Which bytes go where: writes and reads in their order, each whole, and no
 * memory that is the caller's is touched when it must not be.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Connection } from "../../mod.ts";
import { randomPieces, SeededStream, sha256, Sha256Stream } from "../kit/bytes.ts";
import { type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openOwnPair, openPair, type Way } from "../kit/pairs.ts";
import { queueStream, readStream } from "../kit/streams.ts";
import { manyReads } from "./bytes.ts";

const MiB = 1024 * 1024;

/** 2,000 writes that nobody waits for, empty ones among them; they resolve in their order. */
async function manyWrites(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const stream = new SeededStream("writes");
  const order: number[] = [];
  const writes = [...randomPieces("sizes", 2_000_000, 0, 2_000)].map((size, index) =>
    connection.write(stream.take(size)).then(() => void order.push(index))
  );
  const [received] = await Promise.all([peer.receive({ bytes: 2_000_000 }), ...writes]);
  assertEquals(received.sha256, stream.digest());
  assertEquals(order, order.map((_, index) => index));
  assertEquals(order.length, writes.length);
}

/** Two writers on one connection: the pieces of one never stand within the pieces of the other. */
async function wholeWrites(context: CaseContext): Promise<void> {
  const { client, server } = await openOwnPair(context);
  const size = 300_000;
  const values = [1, 2, 3, 4, 5, 6, 7, 8];
  const reading = (async () => {
    const found: number[] = [];
    const piece = new Uint8Array(size);
    for (const _ of values) {
      for (let at = 0; at < size;) at += await server.read(piece.subarray(at)) ?? size;
      assert(piece.every((byte) => byte === piece[0]), "two writes are mixed");
      found.push(piece[0]);
    }
    return found;
  })();
  await Promise.all(values.map((value) => client.write(new Uint8Array(size).fill(value))));
  assertEquals(await reading, values);
}

/** Iteration and reads take turns. */
async function mixedReads(connection: Connection, stream: SeededStream, total: number): Promise<void> {
  const iterator = connection[Symbol.asyncIterator]();
  const came = new Sha256Stream();
  const buffer = new Uint8Array(5_000);
  while (came.bytes < total) {
    const [next, count] = await Promise.all([iterator.next(), connection.read(buffer)]);
    if (!next.done) came.update(next.value);
    if (count !== null) came.update(buffer.subarray(0, count));
  }
  assertEquals(came.digest(), stream.digest());
}

/** A read into the middle of a larger buffer leaves the rest of it as it is. */
async function intoMiddle(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const memory = new Uint8Array(100_000).fill(0xee);
  const middle = memory.subarray(30_000, 70_000);
  const sending = peer.send({ bytes: 2 * MiB, seed: "middle" });
  const came = new Sha256Stream();
  while (came.bytes < 2 * MiB) {
    const count = await connection.read(middle);
    came.update(middle.subarray(0, count!));
    middle.fill(0xee, count!);
  }
  assertEquals(came.digest(), (await sending).sha256);
  middle.fill(0xee);
  assert(memory.every((byte) => byte === 0xee), "bytes outside of the buffer were written to");
}

/** The buffer is changed as soon as the write has resolved, while the peer reads slowly. */
async function changedAfterwards(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way, {}, { receiveBuffer: 32_768 });
  const stream = new SeededStream("changed");
  const receiving = peer.receive({ bytes: 8 * MiB, chunk: 50_000, rate: 32 * MiB });
  for (const size of randomPieces("changed", 8 * MiB, 1, 400_000)) {
    const data = stream.take(size);
    await connection.write(data);
    data.fill(0);
  }
  assertEquals((await receiving).sha256, stream.digest());
}

/** Chunks of an iteration, about 150, are kept and looked at again only when all have come. */
async function keptChunks(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: 3 * MiB, seed: "kept", pieces: [1, 20_000], rate: 12 * MiB });
  const kept: Uint8Array[] = [];
  const hashes: string[] = [];
  let bytes = 0;
  for await (const chunk of connection) {
    kept.push(chunk);
    hashes.push(sha256(chunk));
    if ((bytes += chunk.length) === 3 * MiB) break;
  }
  assert(kept.length >= 40, `only ${kept.length} chunks`);
  assertEquals(kept.map(sha256), hashes);
  assertEquals(sha256(Buffer.concat(kept)), (await sending).sha256);
}

/** A loop that is left early loses no byte: read() goes on with the next one. */
async function leftLoop(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: 3 * MiB, seed: "left", pieces: [1, 50_000] });
  const came = new Sha256Stream();
  for (let turn = 0; turn < 3; turn++) {
    for await (const chunk of connection) {
      came.update(chunk);
      break;
    }
    const some = new Uint8Array(1_000);
    came.update(some.subarray(0, (await connection.read(some))!));
  }
  await connection.write(new TextEncoder().encode("still here"));
  assertEquals(await peer.readText(10), "still here");
  const sent = sending.then(async (sent) => {
    await peer.shutdown();
    return sent;
  });
  for await (const chunk of connection) came.update(chunk);
  assertEquals({ bytes: came.bytes, sha256: came.digest() }, { bytes: 3 * MiB, sha256: (await sent).sha256 });
}

cases("bytes in order", [
  { name: "concurrent writes", run: (context) => inAllWays((way) => manyWrites(context, way)) },
  { name: "concurrent writes are whole", run: wholeWrites },
  { name: "concurrent reads", run: (context) => inAllWays((way) => manyReads(context, way)) },
  {
    name: "concurrent reads, a slow sender",
    run: (context) => inAllWays((way) => manyReads(context, way, 2 * MiB)),
  },
  {
    name: "reads and an iteration at once",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const stream = new SeededStream("mixed");
      stream.take(MiB);
      await Promise.all([
        peer.send({ bytes: MiB, seed: "mixed", pieces: [1, 30_000] }).then(() => peer.shutdown()),
        mixedReads(connection, stream, MiB),
      ]);
    },
  },
  { name: "a read into a part of a buffer", run: (context) => inAllWays((way) => intoMiddle(context, way)) },
  {
    name: "what was written may be changed afterwards",
    run: (context) => inAllWays((way) => changedAfterwards(context, way)),
  },
  { name: "chunks are the caller's", run: (context) => inAllWays((way) => keptChunks(context, way)) },
  { name: "a loop that is left early", run: (context) => inAllWays((way) => leftLoop(context, way)) },
  {
    name: "an empty buffer gives 0, before and behind the end; empty data is written",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected", { allowHalfOpen: true });
      const empty = new Uint8Array(0);
      await connection.write(empty);
      assertEquals(await connection.read(empty), 0);
      await peer.write("x");
      assertEquals(await connection.read(empty), 0);
      assertEquals(await readStream(connection, { bytes: 1 }), { bytes: 1, sha256: sha256("x") });
      await peer.shutdown();
      assertEquals(await connection.read(new Uint8Array(1)), null);
      assertEquals(await connection.read(empty), 0);
      await connection.write(empty);
      await connection.close();
      assertEquals(await peer.receive(), { bytes: 0, sha256: sha256(""), end: "eof" });
    },
  },
  {
    name: "every kind of Uint8Array is taken, and nothing else",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const pooled = Buffer.from("pooled ");
      const shared = new Uint8Array(new SharedArrayBuffer(7));
      shared.set(new TextEncoder().encode("shared "));
      const middle = new Uint8Array(new TextEncoder().encode("--middle--").buffer, 2, 6);
      await Promise.all([connection.write(pooled), connection.write(shared), connection.write(middle)]);
      assertEquals(await peer.readText(20), "pooled shared middle");
      await peer.write("answer");
      const buffer = Buffer.alloc(10, "-");
      assertEquals(await connection.read(buffer.subarray(2, 8)), 6);
      assertEquals(buffer.toString(), "--answer--");
      const bad = [
        undefined,
        null,
        "text",
        5,
        [1],
        {},
        new ArrayBuffer(1),
        new Uint16Array(1),
        new DataView(new ArrayBuffer(1)),
      ];
      for (const value of bad) {
        const given = value as Uint8Array; // that it is none is what is tested
        await assertRejects(
          () => connection.read(given),
          TypeError,
          "Cannot read: the buffer is not a Uint8Array",
        );
        await assertRejects(
          () => connection.write(given),
          TypeError,
          "Cannot write: the data is not a Uint8Array",
        );
      }
      await connection.write(Buffer.from("fine"));
      assertEquals(await peer.readText(4), "fine");
    },
  },
  {
    name: "closeWrite behind writes that nobody waited for",
    run: (context) =>
      inAllWays(async (way) => {
        const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
        const { writes, sha256 } = queueStream(connection, "ended", 8 * MiB);
        const ending = connection.closeWrite();
        assertEquals(await peer.receive(), { bytes: 8 * MiB, sha256, end: "eof" });
        await Promise.all([ending, ...writes]);
        // The other half is as good as before.
        const sending = peer.send({ bytes: 8 * MiB });
        const came = await readStream(connection, { bytes: 8 * MiB });
        assertEquals(await sending, { ...came, end: "done" });
        await peer.shutdown();
        await connection.closed;
      }),
  },
]);
