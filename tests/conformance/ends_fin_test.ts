/**
 * The peer's FIN: read, unread, behind unread bytes, with `allowHalfOpen` both
 * ways; and our own, by `closeWrite`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { seededSha256 } from "../kit/bytes.ts";
import { cases } from "../kit/cases.ts";
import { openOwnPair, WAYS } from "../kit/pairs.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import {
  assertReadsEnd,
  bytes,
  endsOf,
  inWays,
  readText,
  readToEnd,
  seeded,
  soon,
  staysPending,
  TOO_MUCH,
} from "./ends.ts";

const writeRefused = (connection: Connection) =>
  assertSocketError(connection.write(bytes("late")), {
    code: "EPIPE",
    op: "write",
    cause: "none",
    ...endsOf(connection),
  });

cases(
  "FIN",
  inWays(WAYS, [
    {
      name: "read: null, null again, and our own follows",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.write("abc");
        assertEquals(await theirs.shutdown(), "done");
        assertEquals(await readText(ours, 3), "abc");
        await assertReadsEnd(ours);
        await assertReadsEnd(ours);
        await soon(ours.closed, "closed");
        assertEquals(await theirs.waitForEnd(), "fin");
        await writeRefused(ours);
        await assertReadsEnd(ours);
        await soon(ours.close(), "close()");
      },
    },
    {
      name: "nobody reads: our own follows",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        assertEquals(await theirs.shutdown(), "done");
        await soon(ours.closed, "closed");
        assertEquals(await theirs.waitForEnd(), "fin");
        await assertReadsEnd(ours);
      },
    },
    {
      name: "reads that wait give null",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reads = [1, 2, 3].map((size) => ours.read(new Uint8Array(size)));
        const next = ours[Symbol.asyncIterator]().next();
        await staysPending(Promise.race([...reads, next]), "A read", 30);
        await theirs.shutdown();
        assertEquals(await soon(Promise.all(reads), "The reads"), [null, null, null]);
        assertEquals((await next).done, true);
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "behind unread bytes: it is reached when they are read",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.send({ bytes: 1_000, seed: "behind" });
        await theirs.shutdown();
        await staysPending(ours.closed, "closed", 700);
        await ours.write(bytes("still open"));
        assertEquals(await theirs.readText(10), "still open");
        assertEquals(await theirs.waitForEnd(50), "timeout");
        const buffer = new Uint8Array(999);
        assertEquals(await ours.read(buffer), 999);
        await staysPending(ours.closed, "closed", 50);
        assertEquals(buffer, seeded("behind", 999));
        assertEquals(await ours.read(buffer), 1);
        await soon(ours.closed, "closed");
        assertEquals(await theirs.waitForEnd(), "fin");
        await assertReadsEnd(ours);
      },
    },
    {
      name: "reached: what is queued is sent before our own",
      run: async (open) => {
        const { ours, theirs } = await open({ receiveBuffer: 65_536 });
        const written = ours.write(seeded("queued", TOO_MUCH));
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await staysPending(ours.closed, "closed");
        await writeRefused(ours);
        const received = await theirs.receive();
        assertEquals([received.bytes, received.end], [TOO_MUCH, "eof"]);
        assertEquals(received.sha256, seededSha256("queued", TOO_MUCH));
        await soon(written, "The write");
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "allowHalfOpen: writing goes on until closeWrite",
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.write("request");
        await theirs.shutdown();
        const { bytes: count, end } = await readToEnd(ours);
        assertEquals([count, end], [7, null]);
        await ours.write(seeded("answer", 100_000));
        await staysPending(ours.closed, "closed");
        assertEquals(await theirs.waitForEnd(50), "timeout");
        await soon(ours.closeWrite(), "closeWrite()");
        await soon(ours.closed, "closed");
        const received = await theirs.receive();
        assertEquals([received.bytes, received.end], [100_000, "eof"]);
        assertEquals(received.sha256, seededSha256("answer", 100_000));
        await writeRefused(ours);
        await assertReadsEnd(ours);
      },
    },
    {
      name: "allowHalfOpen, nobody reads: closed resolves after closeWrite",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.shutdown();
        await staysPending(ours.closed, "closed", 700);
        await ours.write(bytes("after"));
        await ours.closeWrite();
        await soon(ours.closed, "closed");
        assertEquals(await theirs.readText(5), "after");
        assertEquals(await theirs.waitForEnd(), "fin");
      },
    },
    {
      name: "allowHalfOpen, behind unread bytes: closed resolves when they are read",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.write("unread");
        await theirs.shutdown();
        await soon(ours.closeWrite(), "closeWrite()");
        assertEquals(await theirs.waitForEnd(), "fin");
        await staysPending(ours.closed, "closed", 600);
        assertEquals(await readText(ours, 6), "unread");
        await soon(ours.closed, "closed");
      },
    },
  ]),
);

cases(
  "half-close",
  inWays(WAYS, [
    ...[false, true].map((allowHalfOpen) => ({
      name: `reading goes on after closeWrite, allowHalfOpen: ${allowHalfOpen}`,
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen });
        await ours.write(bytes("request"));
        await soon(ours.closeWrite(), "closeWrite()");
        assertEquals(await theirs.readText(7), "request");
        assertEquals((await theirs.receive()).end, "eof");
        await writeRefused(ours);
        const answering = theirs.send({ bytes: 400_000, seed: "answer" }).then(() => theirs.shutdown());
        await staysPending(ours.closed, "closed", 50);
        const { bytes: count, sha256, end } = await readToEnd(ours);
        assertEquals([count, end], [400_000, null]);
        assertEquals(sha256, seededSha256("answer", 400_000));
        assertEquals(await answering, "done");
        await soon(ours.closed, "closed");
      },
    } satisfies Parameters<typeof inWays>[1][number])),
    {
      name: "closeWrite sends what is queued first, and resolves with its FIN; twice is fine",
      run: async (open) => {
        const { ours, theirs } = await open({ receiveBuffer: 65_536 });
        const written = ours.write(seeded("first", TOO_MUCH));
        const ends = [ours.closeWrite(), ours.closeWrite()];
        await staysPending(Promise.race([written, ...ends]), "A write or its end");
        const received = await theirs.receive();
        assertEquals([received.bytes, received.end], [TOO_MUCH, "eof"]);
        await soon(Promise.all([written, ...ends, ours.closeWrite()]), "The writes and their end");
        await theirs.write("bye");
        assertEquals(await readText(ours, 3), "bye");
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await soon(ours.closed, "closed");
        await soon(ours.closeWrite(), "closeWrite() after the end");
      },
    },
    {
      name: "both at once",
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await Promise.all([ours.closeWrite(), theirs.shutdown()]);
        await assertReadsEnd(ours);
        await soon(ours.closed, "closed");
        assertEquals(await theirs.waitForEnd(), "fin");
      },
    },
  ]),
);

cases("half-close between two of ours", [
  {
    name: "a request, its end, the answer, its end",
    run: async (context) => {
      const { client, server } = await openOwnPair(context, { allowHalfOpen: true });
      const question = seeded("question", 1_000_000);
      const asked = client.write(question).then(() => client.closeWrite());
      const heard = await readToEnd(server);
      assertEquals([heard.bytes, heard.end], [1_000_000, null]);
      const answered = server.write(seeded("answer", 2_000_000)).then(() => server.closeWrite());
      const got = await readToEnd(client);
      assertEquals([got.bytes, got.end], [2_000_000, null]);
      assertEquals(got.sha256, seededSha256("answer", 2_000_000));
      await soon(Promise.all([asked, answered, client.closed, server.closed]), "Both ends");
    },
  },
]);
