/**
 * What `readable` gives: chunks, ends, locks, cancelling.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Sha256Stream } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openPair, type Way } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { TLS_WAYS } from "../kit/tls.ts";
import { MiB } from "./bytes.ts";
import { assertReadsEnd, errorOf, readText, sendAndArrive, soon, staysPending, TCP_WAYS } from "./ends.ts";
import { readBy, type Reading } from "./streams.ts";

const READINGS: readonly Reading[] = ["default", "byob", "loop"];

/** The message of a read that is refused. */
const REFUSED = "Cannot read: readable is locked, or holds bytes that come before";

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Each chunk is the caller's with all its memory: giving that away disturbs nobody. */
async function ownMemory(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const sending = peer.send({ bytes: 3 * MiB, seed: "owned", pieces: [1, 60_000], rate: 24 * MiB });
  const came = new Sha256Stream();
  for await (const chunk of connection.readable) {
    assertStrictEquals(chunk.constructor, Uint8Array);
    assert(chunk.length > 0, "an empty chunk");
    assert(chunk.buffer.byteLength <= 2 * chunk.length, "a chunk in the corner of a large buffer");
    came.update(chunk);
    structuredClone(chunk.buffer, { transfer: [chunk.buffer as ArrayBuffer] });
    if (came.bytes === 3 * MiB) break;
  }
  assertEquals(came.digest(), (await sending).sha256);
}

/** The peer's FIN closes the stream, in each way to read it. */
async function closesAtFin(context: CaseContext, how: Reading): Promise<void> {
  const { connection, peer } = await openPair(context, "connected");
  const sent = await peer.send({ bytes: 100_000 });
  await peer.shutdown();
  assertEquals(await readBy(how, connection), { bytes: 100_000, sha256: sent.sha256 });
  await connection.closed;
  const reader = connection.readable.getReader();
  await soon(reader.closed, "closed of the reader");
  assertEquals((await reader.read()).done, true);
  assertEquals((await peer.receive()).end, "eof");
}

/** Bytes that came are read, then the error with which the connection failed. */
async function failsBehindBytes(context: CaseContext, way: Way, mode: "byob" | undefined): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  await sendAndArrive(peer, "parting", 5_000);
  const one = new Uint8Array(1);
  assertEquals(await connection.read(one), 1);
  await peer.reset();
  const error = await errorOf(connection.closed, "closed");
  checkSocketError(error, { code: "ECONNRESET", op: "read" });
  let bytes = 1;
  if (mode) {
    const reader = connection.readable.getReader({ mode });
    const rest = async () => {
      for (;;) bytes += (await reader.read(new Uint8Array(3_000))).value!.length;
    };
    assertStrictEquals(await errorOf(rest(), "The reads"), error);
    assertStrictEquals(await errorOf(reader.closed, "closed of the reader"), error);
  } else {
    const rest = async () => {
      for await (const chunk of connection.readable) bytes += chunk.length;
    };
    assertStrictEquals(await errorOf(rest(), "The loop"), error);
  }
  assertEquals(bytes, 5_000);
}

/** A reader that lets go while it waits: what comes is kept for the next reader, and nobody else gets ahead of it. */
async function letGo(context: CaseContext, way: Way, mode: "byob" | undefined): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const reader = mode ? connection.readable.getReader({ mode }) : connection.readable.getReader();
  const waiting = reader.read(new Uint8Array(100)).catch((error) => error);
  await staysPending(waiting, "The read");
  reader.releaseLock();
  assert(await waiting instanceof TypeError, "the read of a reader that has let go");
  await assertRejects(() => connection.read(new Uint8Array(1)), TypeError, REFUSED);
  await peer.write("first");
  const next = connection.readable.getReader({ mode: "byob" });
  assertEquals(text((await next.read(new Uint8Array(2))).value), "fi");
  next.releaseLock();
  await assertRejects(() => connection.read(new Uint8Array(1)), TypeError, REFUSED);
  assertEquals(text(await readAll(connection.readable, 3)), "rst");
  await peer.write("second");
  assertEquals(await readText(connection, 6), "second");
}

async function readAll(readable: ReadableStream<Uint8Array>, bytes: number): Promise<Uint8Array> {
  const reader = readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  assertEquals(value?.length, bytes);
  return value!;
}

/** After cancel() the peer is not held back, one can write, and the end comes as it would have. */
async function cancelled(context: CaseContext, way: Way, allowHalfOpen: boolean): Promise<void> {
  const { connection, peer } = await openPair(context, way, { allowHalfOpen });
  await sendAndArrive(peer, "unread", 1_000);
  await connection.readable.cancel("enough");
  const sent = await peer.send({ bytes: 32 * MiB });
  assertEquals(sent.end, "done");
  await staysPending(connection.closed, "closed");
  await connection.write(new TextEncoder().encode("still here"));
  assertEquals(await peer.readText(10), "still here");
  await peer.shutdown();
  if (allowHalfOpen) {
    await staysPending(connection.closed, "closed");
    await connection.closeWrite();
  }
  await soon(connection.closed, "closed");
  await assertReadsEnd(connection);
  assertEquals((await peer.receive()).end, "eof");
}

/** The buffer of a BYOB read that waits stays the stream's, whatever comes after cancel(). */
async function cancelledWhileReading(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const reader = connection.readable.getReader({ mode: "byob" });
  const reading = reader.read(new Uint8Array(100));
  await soon(reader.cancel(), "cancel()");
  assertEquals((await soon(reading, "The read that waits")).done, true);
  assertEquals((await peer.send({ bytes: MiB })).end, "done");
  await peer.shutdown();
  await soon(connection.closed, "closed");
}

const failing: Case[] = ([undefined, "byob"] as const).map((mode) => ({
  name: `it fails with the connection's own error, behind what came (${mode ?? "default"})`,
  run: (context) => inAllWays((way) => failsBehindBytes(context, way, mode), TCP_WAYS),
}));

const lettingGo: Case[] = ([undefined, "byob"] as const).map((mode) => ({
  name: `a reader that lets go while it waits (${mode ?? "default"})`,
  run: (context) => inAllWays((way) => letGo(context, way, mode)),
}));

cases("readable", [
  {
    name: "it is one, made once, and not locked",
    run: async (context) => {
      const { connection } = await openPair(context, "connected");
      const { readable, writable } = connection;
      assert(readable instanceof ReadableStream && writable instanceof WritableStream, "no streams");
      assertStrictEquals(connection.readable, readable);
      assertStrictEquals(connection.writable, writable);
      assertEquals([readable.locked, writable.locked], [false, false]);
    },
  },
  { name: "chunks are the caller's", run: (context) => inAllWays((way) => ownMemory(context, way)) },
  ...TLS_WAYS.map((way): Case => ({
    name: `chunks are the caller's, ${way}`,
    run: (context) => ownMemory(context, way),
  })),
  ...READINGS.map((how): Case => ({
    name: `it closes at the peer's FIN (${how})`,
    run: (context) => closesAtFin(context, how),
  })),
  ...failing,
  ...lettingGo,
  {
    name: "a BYOB read of wider elements, and one that wants a minimum",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const reader = connection.readable.getReader({ mode: "byob" });
      const reading = reader.read(new Uint16Array(10));
      await peer.write("a");
      await staysPending(reading, "The read of half an element");
      await peer.write("bcd");
      const { value } = await reading;
      assert(value instanceof Uint16Array, "no Uint16Array");
      // Whether the second half came with the rest is the network's to say.
      assert(value.length === 1 || value.length === 2, `${value.length} elements`);
    },
  },
  {
    name: "while it is locked nobody else reads; writing goes on",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const { readable, writable } = connection;
      const reader = readable.getReader();
      const iterator = connection[Symbol.asyncIterator]();
      await assertRejects(() => connection.read(new Uint8Array(1)), TypeError, REFUSED);
      await assertRejects(() => iterator.next(), TypeError, REFUSED);
      await assertRejects(
        async () => {
          for await (const chunk of connection) throw new Error(`${chunk}`);
        },
        TypeError,
        REFUSED,
      );
      await peer.write("to the reader");
      assertEquals(text((await reader.read()).value), "to the reader");
      reader.releaseLock();
      await peer.write("to read()");
      assertEquals(await readText(connection, 9), "to read()");
      const writer = writable.getWriter();
      await Promise.all([
        writer.write(new TextEncoder().encode("one ")),
        connection.write(new TextEncoder().encode("two")),
      ]);
      assertEquals((await peer.readText(7)).length, 7);
    },
  },
  {
    name: "cancelling throws away what comes, and leaves the rest",
    timeout: 30_000,
    run: (context) => inAllWays((way) => cancelled(context, way, false)),
  },
  {
    name: "cancelling a connection that may be half open",
    timeout: 30_000,
    run: (context) => inAllWays((way) => cancelled(context, way, true)),
  },
  {
    name: "cancelling while a BYOB read waits",
    run: (context) => inAllWays((way) => cancelledWhileReading(context, way)),
  },
  {
    name: "cancelling after the peer's FIN, of which nobody has read",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      await sendAndArrive(peer, "unread", 1_000);
      await peer.shutdown();
      await staysPending(connection.closed, "closed");
      await connection.readable.cancel();
      await soon(connection.closed, "closed");
    },
  },
  {
    name: "both streams done with, and the peer is not: the connection is open",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      await connection.readable.cancel();
      await connection.writable.close();
      assertEquals((await peer.receive()).end, "eof");
      await staysPending(connection.closed, "closed");
      await peer.shutdown();
      await soon(connection.closed, "closed");
    },
  },
  {
    name: "a loop that is left early cancels it, unless told not to",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      await peer.write("one");
      for await (const chunk of connection.readable.values({ preventCancel: true })) {
        assertEquals(text(chunk), "one");
        break;
      }
      await peer.write("two");
      for await (const chunk of connection.readable) {
        assertEquals(text(chunk), "two");
        break;
      }
      await peer.write("three");
      await assertReadsEnd(connection);
    },
  },
  {
    name: "close() while a read waits ends it",
    run: (context) =>
      inAllWays(async (way) => {
        const { connection, peer } = await openPair(context, way);
        const reader = connection.readable.getReader({ mode: "byob" });
        const reading = reader.read(new Uint8Array(10));
        const closing = connection.close();
        const { done, value } = await soon(reading, "The read that waits");
        assertEquals([done, value?.byteLength], [true, 0]);
        await reader.closed;
        await peer.close();
        await closing;
      }),
  },
  {
    name: "abort() fails it with the same error, bytes that came or not",
    run: (context) =>
      inAllWays(async (way) => {
        const { connection, peer } = await openPair(context, way);
        await sendAndArrive(peer, "dropped", 1_000);
        const reason = new Error("why");
        connection.abort(reason);
        const reader = connection.readable.getReader();
        const error = await errorOf(reader.read(), "The read");
        checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause: { value: reason } });
        assertStrictEquals(await errorOf(connection.closed, "closed"), error);
        assertStrictEquals(await errorOf(reader.closed, "closed of the reader"), error);
      }),
  },
]);
