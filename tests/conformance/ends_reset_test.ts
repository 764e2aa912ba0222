/**
 * The peer's RST: what was received is read first, then `ECONNRESET`, and it
 * is the same error for everybody.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { seededSha256 } from "../kit/bytes.ts";
import { cases } from "../kit/cases.ts";
import { WAYS } from "../kit/pairs.ts";
import { sleep } from "../kit/time.ts";
import {
  assertLatched,
  assertReadsThenFails,
  bytes,
  checkReset,
  errorOf,
  inWays,
  NOTICES_ALWAYS,
  readToEnd,
  resetBehindFullReadAhead,
  seeded,
  sendAndArrive,
  soon,
  staysPending,
  TCP_WAYS,
  TOO_MUCH,
} from "./ends.ts";

cases(
  "RST",
  inWays(TCP_WAYS, [
    {
      name: "idle, nobody reads: closed tells",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        checkReset(ours, error, "read");
        await assertLatched(ours, error);
      },
    },
    {
      name: "idle for a while, nobody reads: closed tells",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.write("one");
        assertEquals(await ours.read(new Uint8Array(3)), 3);
        await sleep(700);
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        checkReset(ours, error, "read");
        await assertLatched(ours, error);
      },
    },
    {
      name: "reads, an iteration and closed: one error for all",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reads = [1, 2].map((size) => ours.read(new Uint8Array(size)));
        const waiting = [...reads, ours[Symbol.asyncIterator]().next(), ours.closed];
        await theirs.reset();
        const errors = await Promise.all(waiting.map((one, index) => errorOf(one, `Number ${index}`)));
        for (const error of errors) assertStrictEquals(error, errors[0]);
        checkReset(ours, errors[0], "read");
        await assertLatched(ours, errors[0]);
      },
    },
    {
      name: "behind unread bytes, nobody reads: closed tells, then all bytes come, then the error",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "unread", 5_000);
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        checkReset(ours, error, "read");
        assertStrictEquals(await errorOf(ours.write(bytes("late")), "A write"), error);
        await assertReadsThenFails(ours, "unread", 5_000, error);
        await assertLatched(ours, error);
      },
    },
    {
      name: "behind bytes that are just being read: all of them, then the error",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reading = readToEnd(ours, 1_000);
        await sendAndArrive(theirs, "just", 60_000);
        await theirs.reset();
        const { bytes: count, sha256, end } = await soon(reading, "Reading");
        assertEquals([count, sha256], [60_000, seededSha256("just", 60_000)]);
        checkReset(ours, end, "read");
        await assertLatched(ours, end);
      },
    },
    {
      name: "iteration throws after all bytes",
      run: async (open) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "iterated", 5_000);
        await theirs.reset();
        let count = 0;
        const looping = async () => {
          for await (const chunk of ours) count += chunk.length;
        };
        const error = await errorOf(looping(), "The iteration");
        checkReset(ours, error, "read");
        assertEquals(count, 5_000);
        await assertLatched(ours, error);
      },
    },
    {
      name: "read-ahead full and more in the kernel: all bytes, then the error",
      run: async (open) => {
        const { ours, theirs } = await open({ readAhead: 4_096 });
        await sendAndArrive(theirs, "more", 60_000);
        await theirs.reset();
        await sleep(50);
        const error = await assertReadsThenFails(ours, "more", 60_000);
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
    resetBehindFullReadAhead,
    {
      name: "during writes: those that wait, the read and closed get one error",
      run: async (open) => {
        const { ours, theirs } = await open();
        const writes = [TOO_MUCH, 10].map((size) => ours.write(seeded("gone", size)));
        const waiting = [...writes, ours.closeWrite(), ours.read(new Uint8Array(1)), ours.closed];
        await staysPending(Promise.race(waiting), "One of them");
        await theirs.reset();
        const errors = await Promise.all(waiting.map((one, index) => errorOf(one, `Number ${index}`)));
        for (const error of errors) assertStrictEquals(error, errors[0]);
        checkReset(ours, errors[0]);
        await assertLatched(ours, errors[0]);
      },
    },
    {
      name: "during a write, nobody reads: the write and closed tell",
      run: async (open) => {
        const { ours, theirs } = await open();
        const written = ours.write(seeded("gone", TOO_MUCH));
        await staysPending(written, "The write");
        await theirs.reset();
        const error = await errorOf(written, "The write");
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
    ...[65_536, 4_096].map((readAhead) => ({
      name: `during a write, with 20,000 unread bytes and readAhead: ${readAhead}`,
      run: async (open) => {
        const { ours, theirs } = await open({ readAhead });
        await sendAndArrive(theirs, "kept", 20_000);
        const written = ours.write(seeded("gone", TOO_MUCH));
        await staysPending(written, "The write");
        await theirs.reset();
        const error = await errorOf(written, "The write");
        checkReset(ours, error);
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
        await assertReadsThenFails(ours, "kept", 20_000, error);
        await assertLatched(ours, error);
      },
    } satisfies Parameters<typeof inWays>[1][number])),
    {
      name: "writes in a row until one tells",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.reset();
        const writing = async () => {
          for (;;) await ours.write(bytes("more"));
        };
        const error = await errorOf(writing(), "Writing");
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
  ]),
);

cases(
  "a peer that closes with bytes of ours unread",
  inWays(WAYS, [
    {
      name: "what it sent comes first, then ECONNRESET",
      run: async (open) => {
        const { ours, theirs } = await open();
        await ours.write(bytes("never read"));
        await sendAndArrive(theirs, "before", 5_000);
        await theirs.close();
        const error = await assertReadsThenFails(ours, "before", 5_000);
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
    ...[65_536, 4_096].map((readAhead) => ({
      name: `nobody reads, readAhead: ${readAhead}: closed tells`,
      slow: true,
      needs: NOTICES_ALWAYS,
      run: async (open) => {
        const { ours, theirs } = await open({ readAhead });
        await ours.write(bytes("never read"));
        await sendAndArrive(theirs, "before", 20_000);
        await theirs.close();
        const error = await errorOf(ours.closed, "closed");
        checkReset(ours, error);
        await assertReadsThenFails(ours, "before", 20_000, error);
        await assertLatched(ours, error);
      },
    } satisfies Parameters<typeof inWays>[1][number])),
  ]),
);
