/**
 * How reading and iterating go, up to the end.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { seededSha256, Sha256Stream } from "../kit/bytes.ts";
import { cases } from "../kit/cases.ts";
import { WAYS } from "../kit/pairs.ts";
import {
  assertReadsEnd,
  bytes,
  errorOf,
  inWays,
  readText,
  seeded,
  sendAndArrive,
  soon,
  staysPending,
  TCP_WAYS,
} from "./ends.ts";

/** What is no Uint8Array, however close. */
const NOT_BYTES: unknown[] = [
  undefined,
  null,
  "text",
  5,
  [1, 2, 3],
  {},
  new ArrayBuffer(3),
  new DataView(new ArrayBuffer(3)),
  new Uint16Array(3),
  new Uint8ClampedArray(3),
  { length: 3, buffer: new ArrayBuffer(3) },
];

cases(
  "reading",
  inWays(WAYS, [
    {
      name: "iteration ends at the FIN, after all bytes; the connection closes by itself",
      run: async (open) => {
        const { ours, theirs } = await open();
        const sending = theirs.send({ bytes: 500_000, seed: "chunks" }).then(() => theirs.shutdown());
        const came = new Sha256Stream();
        for await (const chunk of ours) came.update(chunk);
        assertEquals([came.bytes, came.digest()], [500_000, seededSha256("chunks", 500_000)]);
        assertEquals(await sending, "done");
        await soon(ours.closed, "closed");
        for await (const _chunk of ours) throw new Error("a chunk behind the end");
      },
    },
    {
      name: "chunks are the reader's own: later ones do not change them",
      run: async (open) => {
        const { ours, theirs } = await open();
        const chunks: Uint8Array[] = [];
        const next = async () => {
          const { value } = await ours[Symbol.asyncIterator]().next();
          chunks.push(value);
        };
        for (const text of ["first", "second", "third"]) {
          await theirs.write(text);
          await next();
        }
        assertEquals(chunks.map((chunk) => new TextDecoder().decode(chunk)), ["first", "second", "third"]);
      },
    },
    {
      name: "leaving the loop leaves the connection open, and loses nothing",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.write("one");
        for await (const chunk of ours) {
          assertEquals(new TextDecoder().decode(chunk), "one");
          break;
        }
        await theirs.write("two");
        assertEquals(await readText(ours, 3), "two");
        await ours.write(bytes("answer"));
        assertEquals(await theirs.readText(6), "answer");
      },
    },
    {
      name: "reads are first in, first out, whatever their size; an iteration among them too",
      run: async (open) => {
        const { ours, theirs } = await open();
        const buffers = [1, 2, 3].map((size) => new Uint8Array(size));
        const reads = buffers.map((buffer) => ours.read(buffer));
        const next = ours[Symbol.asyncIterator]().next();
        const last = new Uint8Array(5);
        const lastRead = ours.read(last);
        await theirs.write("abcdef");
        assertEquals(await soon(Promise.all(reads), "The reads"), [1, 2, 3]);
        const text = buffers.map((buffer) => new TextDecoder().decode(buffer)).join("");
        assertEquals(text, "abcdef");
        await staysPending(Promise.race([next, lastRead]), "A later read", 30);
        await theirs.write("chunk");
        assertEquals((await soon(next, "The iteration")).value, bytes("chunk"));
        await staysPending(lastRead, "The last read", 30);
        await theirs.write("end");
        assertEquals(await soon(lastRead, "The last read"), 3);
        assertEquals(last.subarray(0, 3), bytes("end"));
      },
    },
    {
      name: "a read gives what is there, and leaves the rest of its buffer alone",
      run: async (open) => {
        const { ours, theirs } = await open();
        for (const text of ["", "waits"]) {
          const buffer = new Uint8Array(10).fill(7);
          const reading = text ? ours.read(buffer.subarray(2)) : undefined;
          await sendAndArrive(theirs, "five", 5);
          const count = await (reading ?? ours.read(buffer.subarray(2)));
          assertEquals(count, 5);
          assertEquals(buffer, Uint8Array.of(7, 7, ...seeded("five", 5), 7, 7, 7));
        }
      },
    },
    {
      name: "an empty buffer gives 0 at once, in every state, and takes nobody's turn",
      run: async (open) => {
        const { ours, theirs } = await open();
        const empty = new Uint8Array(0);
        assertEquals(await soon(ours.read(empty), "An empty read"), 0);
        const waiting = ours.read(new Uint8Array(3));
        assertEquals(await soon(ours.read(empty), "An empty read behind one that waits"), 0);
        await theirs.write("abc");
        assertEquals(await waiting, 3);
        await theirs.shutdown();
        await assertReadsEnd(ours);
        assertEquals(await soon(ours.read(empty), "An empty read at the end"), 0);
        await soon(ours.closed, "closed");
        assertEquals(await soon(ours.read(empty), "An empty read after it"), 0);
      },
    },
    {
      name: "an empty write resolves in its turn, and sends nothing",
      run: async (open) => {
        const { ours, theirs } = await open();
        await soon(ours.write(new Uint8Array(0)), "An empty write");
        const order: string[] = [];
        const large = ours.write(seeded("large", 3_000_000)).then(() => order.push("large"));
        const empty = ours.write(new Uint8Array(0)).then(() => order.push("empty"));
        const received = await theirs.receive({ bytes: 3_000_000 });
        assertEquals(received.sha256, seededSha256("large", 3_000_000));
        await soon(Promise.all([large, empty]), "The writes");
        assertEquals(order, ["large", "empty"]);
        await ours.closeWrite();
        assertEquals((await theirs.receive()).bytes, 0);
      },
    },
  ]),
);

cases(
  "what is no Uint8Array",
  inWays(TCP_WAYS, [
    {
      name: "a read and a write of it reject with a TypeError, and nothing happens to the connection",
      run: async (open) => {
        const { ours, theirs } = await open();
        for (const value of NOT_BYTES) {
          // As JavaScript would call it.
          const wrong = value as Uint8Array;
          for (const operation of [() => ours.read(wrong), () => ours.write(wrong)]) {
            const error = await assertRejects(operation, TypeError);
            assertStrictEquals(error.name, "TypeError");
            assertEquals("code" in error, false);
          }
        }
        await theirs.write("still here");
        assertEquals(await readText(ours, 10), "still here");
        await ours.write(bytes("here too"));
        assertEquals(await theirs.readText(8), "here too");
      },
    },
    {
      name: "also of a connection that has failed or ended",
      run: async (open) => {
        const [failed, ended] = [await open(), await open()];
        await failed.theirs.reset();
        await errorOf(failed.ours.read(new Uint8Array(1)), "The read");
        await ended.theirs.shutdown();
        await assertReadsEnd(ended.ours);
        for (const { ours } of [failed, ended]) {
          // As JavaScript would call it.
          const wrong = "text" as unknown as Uint8Array;
          for (const operation of [() => ours.read(wrong), () => ours.write(wrong)]) {
            assertStrictEquals((await assertRejects(operation, TypeError)).name, "TypeError");
          }
        }
      },
    },
  ]),
);
