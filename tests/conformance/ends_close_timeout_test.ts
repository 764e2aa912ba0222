/**
 * `closeTimeout`: how long `close()` waits, from when on, and what it says.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { cases } from "../kit/cases.ts";
import { type Way, WAYS } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import {
  assertNotConnected,
  assertReadsEnd,
  bytes,
  endOfAbort,
  endsOf,
  errorOf,
  inWays,
  seeded,
  soon,
  TOO_MUCH,
} from "./ends.ts";

/** Milliseconds from before `action` until its promise settles, however it does: on a busy machine the call alone takes some. */
async function took(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action().catch(() => {});
  return performance.now() - started;
}

function assertTook(milliseconds: number, limit: number): void {
  // Timers may be a little early, and the machine late.
  assert(
    milliseconds >= limit - 10 && milliseconds < limit + 1_200,
    `it took ${milliseconds} ms, not ${limit}`,
  );
}

function checkTimeout(connection: Connection, error: unknown): void {
  checkSocketError(error, { code: "ETIMEDOUT", op: "close", cause: "none", ...endsOf(connection) });
}

async function neverReads(
  way: Way,
  ours: Connection,
  theirs: { waitForEnd(): Promise<string> },
  limit: number,
) {
  const written = ours.write(seeded("unread", TOO_MUCH));
  let closing!: Promise<void>;
  assertTook(await took(() => closing = ours.close()), limit);
  const error = await errorOf(closing, "close()");
  checkTimeout(ours, error);
  assertStrictEquals(await errorOf(written, "The write"), error);
  assertStrictEquals(await errorOf(ours.closed, "closed"), error);
  assertStrictEquals(await errorOf(ours.write(bytes("late")), "A later write"), error);
  await assertReadsEnd(ours);
  assertEquals(await theirs.waitForEnd(), endOfAbort(way));
}

cases(
  "closeTimeout",
  inWays(WAYS, [
    {
      name: "a peer that never reads: ETIMEDOUT for close(), closed and the write",
      slow: true,
      run: async (open, _context, way) => {
        const { ours, theirs } = await open({ closeTimeout: 400 });
        await neverReads(way, ours, theirs, 400);
      },
    },
    {
      name: "0, and a peer that never reads: ETIMEDOUT at once",
      run: async (open, _context, way) => {
        const { ours, theirs } = await open({ closeTimeout: 0 });
        await neverReads(way, ours, theirs, 0);
      },
    },
    {
      name: "a peer that has read all and never closes: it resolves",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 400 });
        await ours.write(bytes("read"));
        assertEquals(await theirs.readText(4), "read");
        assertTook(await took(() => ours.close()), 400);
        await soon(Promise.all([ours.close(), ours.closed]), "close() and closed");
        await assertReadsEnd(ours);
      },
    },
    {
      name: "0, and a peer that has read all and never closes: it resolves at once",
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 0 });
        await ours.write(bytes("read"));
        assertEquals(await theirs.readText(4), "read");
        assertTook(await took(() => ours.close()), 0);
        await soon(Promise.all([ours.close(), ours.closed]), "close() and closed");
      },
    },
    {
      name: "0, and nothing was written: it resolves at once",
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 0 });
        assertTook(await took(() => ours.close()), 0);
        await soon(Promise.all([ours.close(), ours.closed]), "close() and closed");
        assert(["fin", "reset"].includes(await theirs.waitForEnd()));
      },
    },
    {
      name: "a peer that sends without end, and never closes: it resolves",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 400 });
        const sending = theirs.send({ bytes: 2 ** 31, seed: "flood", rate: 20_000_000 });
        await ours.read(new Uint8Array(1_000));
        assertTook(await took(() => ours.close()), 400);
        await soon(Promise.all([ours.close(), ours.closed]), "close() and closed");
        const { end } = await sending;
        assert(["ECONNRESET", "EPIPE"].includes(end), end);
      },
    },
    {
      name: "it is counted from when the kernel last took a byte",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 700, receiveBuffer: 65_536 });
        const written = ours.write(seeded("slow", TOO_MUCH));
        const receiving = theirs.receive({ rate: 8_000_000, hash: false, chunk: 65_536 });
        const closing = ours.close();
        const milliseconds = took(() => written);
        const received = await receiving;
        assertEquals([received.bytes, received.end], [TOO_MUCH, "eof"]);
        assert(await milliseconds > 700, `it took only ${await milliseconds} ms: nothing is shown`);
        await theirs.close();
        await soon(Promise.all([written, closing, ours.closed]), "close() and closed");
      },
    },
    {
      name: "the peer's FIN comes in time: it is over",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 300 });
        const closing = ours.close();
        await theirs.shutdown();
        await soon(closing, "close()");
        await sleep(400);
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "behind the peer's FIN, with bytes of ours that nobody reads: ETIMEDOUT",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 300, allowHalfOpen: true });
        await theirs.shutdown();
        await assertReadsEnd(ours);
        const written = ours.write(seeded("unread", TOO_MUCH));
        const error = await errorOf(ours.close(), "close()");
        checkTimeout(ours, error);
        assertStrictEquals(await errorOf(written, "The write"), error);
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
        await assertReadsEnd(ours);
        await assertNotConnected(ours, error);
      },
    },
  ]),
);
