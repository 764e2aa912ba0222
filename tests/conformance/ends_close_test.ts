/**
 * `close()`: what is pending, what is queued, what still arrives, and what is
 * left afterwards.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { seededSha256 } from "../kit/bytes.ts";
import { cases } from "../kit/cases.ts";
import { openOwnPair, WAYS } from "../kit/pairs.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import {
  assertLatched,
  assertNotConnected,
  assertReadsEnd,
  bytes,
  endsOf,
  errorOf,
  inWays,
  seeded,
  sendAndArrive,
  soon,
  staysPending,
  TCP_WAYS,
  TOO_MUCH,
} from "./ends.ts";

/** Asserts how a connection answers that was closed in good order. */
async function assertClosed(connection: Connection): Promise<void> {
  await soon(connection.closed, "closed");
  await assertReadsEnd(connection);
  assertEquals((await connection[Symbol.asyncIterator]().next()).done, true);
  await assertSocketError(connection.write(bytes("late")), {
    code: "EPIPE",
    op: "write",
    cause: "none",
    ...endsOf(connection),
  });
  await soon(connection.closeWrite(), "closeWrite()");
  await soon(connection.close(), "close()");
  await soon(Promise.resolve(connection[Symbol.asyncDispose]()), "Disposing");
  await assertNotConnected(connection, undefined);
  connection.abort(new Error("too late"));
  await soon(connection.closed, "closed after abort()");
}

cases(
  "close",
  inWays(WAYS, [
    {
      name: "during reads: they give null; it waits for the peer's FIN",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reads = [1, 2].map((size) => ours.read(new Uint8Array(size)));
        const next = ours[Symbol.asyncIterator]().next();
        const closing = ours.close();
        assertEquals(await soon(Promise.all(reads), "The reads"), [null, null]);
        assertEquals((await soon(next, "The iteration")).done, true);
        assertEquals(await theirs.waitForEnd(), "fin");
        await staysPending(Promise.race([closing, ours.closed]), "close()");
        await assertReadsEnd(ours);
        await theirs.shutdown();
        await soon(closing, "close()");
        await assertClosed(ours);
      },
    },
    {
      name: "during writes: all of them arrive",
      run: async (open) => {
        const { ours, theirs } = await open({ receiveBuffer: 65_536 });
        const written = [ours.write(seeded("first", TOO_MUCH)), ours.write(bytes("second"))];
        const closing = ours.close();
        await staysPending(Promise.race([...written, closing]), "A write or close()");
        await assertSocketError(ours.write(bytes("late")), {
          code: "EPIPE",
          op: "write",
          cause: "none",
          ...endsOf(ours),
        });
        const first = await theirs.receive({ bytes: TOO_MUCH });
        assertEquals(first.sha256, seededSha256("first", TOO_MUCH));
        assertEquals(await theirs.readText(6), "second");
        assertEquals((await theirs.receive()).end, "eof");
        await soon(Promise.all(written), "The writes");
        await theirs.close();
        await soon(closing, "close()");
        await assertClosed(ours);
      },
    },
    {
      name: "twice, at once and later: one end for all",
      run: async (open) => {
        const { ours, theirs } = await open();
        const closing = [ours.close(), ours.close(), Promise.resolve(ours[Symbol.asyncDispose]())];
        assertEquals(await theirs.waitForEnd(), "fin");
        await staysPending(Promise.race(closing), "close()", 30);
        await theirs.shutdown();
        await soon(Promise.all(closing), "close()");
        await assertClosed(ours);
      },
    },
    {
      name: "with received bytes unread and more arriving: the peer gets a FIN and no RST",
      run: async (open) => {
        const { ours, theirs } = await open({ readAhead: 4_096 });
        await sendAndArrive(theirs, "unread", 50_000);
        await ours.write(bytes("last words"));
        const closing = ours.close();
        await assertReadsEnd(ours);
        assertEquals(await theirs.waitForEnd(), "fin");
        const sent = await theirs.send({ bytes: 2_000_000, seed: "more" });
        assertEquals([sent.bytes, sent.end], [2_000_000, "done"]);
        assertEquals(await theirs.readText(10), "last words");
        assertEquals((await theirs.receive()).end, "eof");
        await theirs.shutdown();
        await soon(closing, "close()");
        await assertClosed(ours);
      },
    },
    {
      name: "after the peer's FIN, read or not: at once",
      run: async (open) => {
        for (const read of [true, false]) {
          const { ours, theirs } = await open({ allowHalfOpen: true });
          await theirs.write("unread");
          await theirs.shutdown();
          if (read) {
            await ours.read(new Uint8Array(6));
            await assertReadsEnd(ours);
          }
          await soon(ours.close(), "close()");
          assertEquals(await theirs.waitForEnd(), "fin");
          await assertClosed(ours);
        }
      },
    },
    {
      name: "after closeWrite",
      run: async (open) => {
        const { ours, theirs } = await open();
        await ours.closeWrite();
        const closing = ours.close();
        await staysPending(closing, "close()", 30);
        await theirs.send({ bytes: 100_000, seed: "dropped" });
        await theirs.shutdown();
        await soon(closing, "close()");
        await assertClosed(ours);
      },
    },
    {
      name: "await using closes, and waits for it",
      run: async (open) => {
        const { ours, theirs } = await open();
        const scope = async () => {
          await using _used = ours;
          await ours.write(bytes("in scope"));
        };
        const leaving = scope();
        assertEquals(await theirs.readText(8), "in scope");
        assertEquals((await theirs.receive()).end, "eof");
        await staysPending(leaving, "Leaving the scope", 30);
        await theirs.close();
        await soon(leaving, "Leaving the scope");
        await assertClosed(ours);
      },
    },
  ]),
);

cases("close of both ends", [
  {
    name: "at once, with bytes under way to both",
    run: async (context) => {
      const { client, server } = await openOwnPair(context);
      const writes = [client.write(seeded("up", 100_000)), server.write(seeded("down", 100_000))];
      await soon(Promise.all([...writes, client.close(), server.close()]), "Both");
      await assertClosed(client);
      await assertClosed(server);
    },
  },
]);

cases(
  "close and RST",
  inWays(TCP_WAYS, [
    {
      name: "a connection that has failed: close() resolves, closed still rejects",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reading = ours.read(new Uint8Array(1));
        await theirs.reset();
        const error = await errorOf(reading, "The read");
        await soon(Promise.all([ours.close(), ours.close()]), "close()");
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
        await assertLatched(ours, error);
      },
    },
    {
      name: "while writes are queued: close(), closed and the write reject with one error",
      run: async (open) => {
        const { ours, theirs } = await open();
        const written = ours.write(seeded("gone", TOO_MUCH));
        const closing = ours.close();
        await staysPending(Promise.race([written, closing]), "close()");
        await theirs.reset();
        const error = await errorOf(closing, "close()");
        checkSocketError(error, { code: "ECONNRESET", op: ["read", "write"], ...endsOf(ours) });
        assertStrictEquals(await errorOf(written, "The write"), error);
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
        await assertReadsEnd(ours);
        await assertNotConnected(ours, error);
      },
    },
    {
      name: "when all is sent: close() resolves, closed tells",
      run: async (open) => {
        const { ours, theirs } = await open();
        await ours.write(bytes("all"));
        const closing = ours.close();
        assertEquals(await theirs.readText(3), "all");
        assertEquals(await theirs.waitForEnd(), "fin");
        await sleep(20);
        await theirs.reset();
        await soon(closing, "close()");
        checkSocketError(await errorOf(ours.closed, "closed"), {
          code: "ECONNRESET",
          op: "read",
          ...endsOf(ours),
        });
        await assertReadsEnd(ours);
      },
    },
  ]),
);
