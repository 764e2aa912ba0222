/**
 * What `writable` takes, when it has written, and how it ends.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SeededStream } from "../kit/bytes.ts";
import { type CaseContext, cases } from "../kit/cases.ts";
import { inAllWays, openPair, type Way } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { MiB } from "./bytes.ts";
import {
  bytes,
  endOfAbort,
  errorOf,
  NOTICES_ALWAYS,
  readText,
  soon,
  staysPending,
  TCP_WAYS,
  TOO_MUCH,
} from "./ends.ts";

const NOBODY = { receiveBuffer: 16_384 };

/** Aborting does not wait for the write that the peer does not take. */
async function abortWhileWriting(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way, {}, NOBODY);
  const writer = connection.writable.getWriter();
  const writing = writer.write(new Uint8Array(TOO_MUCH));
  await staysPending(writing, "The write");
  const reason = new Error("why");
  const aborting = writer.abort(reason);
  const error = await errorOf(writing, "The write");
  checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause: { value: reason } });
  assertStrictEquals(await errorOf(connection.closed, "closed"), error);
  assertStrictEquals(await errorOf(connection.read(new Uint8Array(1)), "A later read"), error);
  // By the standard an aborted writer has the reason itself.
  assertStrictEquals(await errorOf(writer.closed, "closed of the writer"), reason);
  await soon(aborting.catch(() => {}), "abort()");
  assertEquals(await peer.waitForEnd(), endOfAbort(way));
}

/** A death is told by the writer, though nobody writes and nobody has asked for anything else. */
async function diesIdle(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const writer = connection.writable.getWriter();
  await peer.reset();
  const error = await errorOf(writer.closed, "closed of the writer");
  checkSocketError(error, { code: "ECONNRESET", op: "read" });
  assertStrictEquals(await errorOf(writer.ready, "ready"), error);
  assertStrictEquals(await errorOf(writer.write(bytes("late")), "A later write"), error);
  assertStrictEquals(await errorOf(connection.closed, "closed"), error);
}

async function closes(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
  const stream = new SeededStream("closing");
  const writer = connection.writable.getWriter();
  const writes = Array.from({ length: 40 }, () => writer.write(stream.take(100_000)));
  const closing = writer.close();
  assertEquals(await peer.receive(), { bytes: 4_000_000, sha256: stream.digest(), end: "eof" });
  await Promise.all([...writes, closing, writer.closed]);
  await peer.write("after it");
  assertEquals(await readText(connection, 8), "after it");
  // Node 20 says here that it has a bug; the others give a TypeError.
  await assertRejects(() => writer.write(bytes("late")), Error);
  await peer.shutdown();
  const reader = connection.readable.getReader();
  assertEquals((await reader.read()).done, true);
  await connection.closed;
}

cases("writable", [
  {
    name: "closing it sends what waits, then a FIN",
    run: (context) => inAllWays((way) => closes(context, way)),
  },
  {
    name: "aborting it while the peer takes nothing",
    run: (context) => inAllWays((way) => abortWhileWriting(context, way)),
  },
  {
    name: "aborting it while nothing is written",
    run: (context) =>
      inAllWays(async (way) => {
        const { connection, peer } = await openPair(context, way);
        const reason = { any: "value" };
        await connection.writable.abort(reason);
        const error = await errorOf(connection.closed, "closed");
        checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause: { value: reason } });
        assertEquals(await peer.waitForEnd(), endOfAbort(way));
      }),
  },
  {
    name: "it fails when the connection dies, though nobody writes",
    needs: NOTICES_ALWAYS,
    run: (context) => inAllWays((way) => diesIdle(context, way), TCP_WAYS),
  },
  {
    name: "what was written may be changed afterwards",
    run: (context) =>
      inAllWays(async (way) => {
        const { connection, peer } = await openPair(context, way, {}, { receiveBuffer: 32_768 });
        const receiving = peer.receive({ bytes: 8 * MiB, chunk: 50_000, rate: 64 * MiB });
        const stream = new SeededStream("changed");
        const writer = connection.writable.getWriter();
        for (let i = 0; i < 32; i++) {
          const chunk = stream.take(MiB / 4);
          await writer.write(chunk);
          chunk.fill(0);
        }
        assertEquals((await receiving).sha256, stream.digest());
      }),
  },
  {
    name: "what waits is counted in bytes",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected", {}, NOBODY);
      const writer = connection.writable.getWriter();
      assertEquals(writer.desiredSize, 65_536);
      const writing = writer.write(new Uint8Array(TOO_MUCH));
      writing.catch(() => {});
      assertEquals(writer.desiredSize, 65_536 - TOO_MUCH);
      await staysPending(writer.ready, "ready");
      const receiving = peer.receive({ bytes: TOO_MUCH, hash: false });
      await writing;
      await writer.ready;
      assertEquals(writer.desiredSize, 65_536);
      assertEquals((await receiving).bytes, TOO_MUCH);
    },
  },
  {
    name: "anything but a Uint8Array is refused, and the connection is as before",
    run: async (context) => {
      for (const value of ["text", 5, null, undefined, new ArrayBuffer(4), new Uint16Array(2), {}]) {
        const { connection, peer } = await openPair(context, "connected");
        const given = value as Uint8Array; // that it is none is what is tested
        const writer = connection.writable.getWriter();
        const refused = () => writer.write(given);
        await assertRejects(refused, TypeError, "Cannot write: the data is not a Uint8Array");
        await connection.write(bytes("fine"));
        assertEquals(await peer.readText(4), "fine");
      }
    },
  },
  {
    name: "after the peer's FIN a write fails, and closing is what has happened already",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const writer = connection.writable.getWriter();
      await peer.shutdown();
      await soon(connection.closed, "closed");
      await soon(writer.close(), "close() of the writer");
      const second = await openPair(context, "connected");
      const late = second.connection.writable.getWriter();
      await second.peer.shutdown();
      await soon(second.connection.closed, "closed");
      const error = await errorOf(late.write(bytes("late")), "The write");
      checkSocketError(error, { code: "EPIPE", op: "write" });
      assertStrictEquals(await errorOf(late.closed, "closed of the writer"), error);
    },
  },
  {
    name: "piping from what fails aborts, with the reason as the cause",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const reason = new Error("why");
      let turn = 0;
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (turn++ === 0) controller.enqueue(bytes("some"));
          else controller.error(reason);
        },
      });
      assertStrictEquals(await errorOf(source.pipeTo(connection.writable), "pipeTo"), reason);
      const error = await errorOf(connection.closed, "closed");
      checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause: { value: reason } });
      assert(["reset", "fin"].includes(await peer.waitForEnd()), "the peer was not told");
    },
  },
  {
    name: "piping into a connection that dies cancels the source with the connection's error",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      let told: unknown;
      const source = new ReadableStream<Uint8Array>({
        cancel: (reason) => void (told = reason),
      });
      const piping = errorOf(source.pipeTo(connection.writable), "pipeTo");
      await peer.reset();
      const error = await piping;
      assertStrictEquals(await errorOf(connection.closed, "closed"), error);
      assertStrictEquals(told, error);
    },
  },
  {
    name: "piping to what fails cancels, and leaves the connection open",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const reason = new Error("why");
      const broken = new WritableStream<Uint8Array>({ write: () => Promise.reject(reason) });
      const piping = errorOf(connection.readable.pipeTo(broken), "pipeTo");
      await peer.write("some");
      assertStrictEquals(await piping, reason);
      assertEquals((await peer.send({ bytes: MiB })).end, "done");
      await connection.write(bytes("fine"));
      assertEquals(await peer.readText(4), "fine");
    },
  },
  {
    name: "a signal stops piping; without cancelling the connection is as before",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      const controller = new AbortController();
      const reason = new Error("why");
      const options = { signal: controller.signal, preventCancel: true };
      const piping = connection.readable.pipeTo(new WritableStream(), options);
      controller.abort(reason);
      assertStrictEquals(await errorOf(piping, "pipeTo"), reason);
      await peer.write("next");
      const reader = connection.readable.getReader();
      assertEquals(new TextDecoder().decode((await reader.read()).value), "next");
    },
  },
]);
