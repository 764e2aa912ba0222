/**
 * What comes behind the peer's FIN: a RST, or nothing at all because the peer
 * is gone. Reads stay `null`; writes and `closed` give `EPIPE`.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities, type Connection } from "../../mod.ts";
import { cases } from "../kit/cases.ts";
import { WAYS } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import {
  assertLatched,
  assertReadsEnd,
  assertReadsThenFails,
  bytes,
  endsOf,
  errorOf,
  inWays,
  NOTICES_ALWAYS,
  readToEnd,
  seeded,
  sendAndArrive,
  soon,
  staysPending,
  TCP_WAYS,
  TOO_MUCH,
} from "./ends.ts";

/** Keeps this process from looking at its sockets. */
function beBusy(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

function checkPipe(connection: Connection, error: unknown): void {
  checkSocketError(error, { code: "EPIPE", op: ["read", "write"], ...endsOf(connection) });
}

cases(
  "RST after the peer's FIN",
  inWays(TCP_WAYS, [
    {
      name: "reads stay null, the next write tells: EPIPE",
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await theirs.reset();
        await sleep(20);
        const writing = async () => {
          for (;;) await ours.write(bytes("more"));
        };
        const error = await errorOf(writing(), "Writing");
        checkPipe(ours, error);
        await assertLatched(ours, error, "null");
      },
    },
    {
      name: "reads stay null, nobody writes: closed tells",
      slow: true,
      needs: NOTICES_ALWAYS,
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        checkPipe(ours, error);
        await assertLatched(ours, error, "null");
      },
    },
    {
      name: "right behind it, nobody reads: reads give null; closed tells, unless our own FIN was faster",
      slow: true,
      needs: NOTICES_ALWAYS,
      run: async (open) => {
        for (const allowHalfOpen of [false, true]) {
          const { ours, theirs } = await open({ allowHalfOpen });
          await Promise.all([theirs.shutdown(), theirs.reset()]);
          const end = await soon(ours.closed.then(() => undefined, (error) => error), "closed");
          // The peer may have been faster too, and sent no FIN at all.
          if ((end as { code?: string })?.code === "ECONNRESET") continue;
          await assertReadsEnd(ours);
          if (end !== undefined || allowHalfOpen) checkPipe(ours, end);
        }
      },
    },
    {
      name: "a FIN that is not reached, behind unread bytes: all bytes come, then the error of closed",
      slow: true,
      needs: NOTICES_ALWAYS,
      run: async (open) => {
        const { ours, theirs } = await open({ readAhead: 4_096 });
        await sendAndArrive(theirs, "unread", 20_000);
        await theirs.shutdown();
        await staysPending(ours.closed, "closed", 50);
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        checkPipe(ours, error);
        await assertReadsThenFails(ours, "unread", 20_000, error);
        await assertLatched(ours, error);
      },
    },
    ...[false, true].map((allowHalfOpen) => ({
      name: `during a write, allowHalfOpen: ${allowHalfOpen}`,
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen });
        const written = ours.write(seeded("gone", TOO_MUCH));
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await staysPending(Promise.race([written, ours.closed]), "The write");
        await theirs.reset();
        const error = await errorOf(written, "The write");
        checkPipe(ours, error);
        await assertLatched(ours, error, "null");
      },
    } satisfies Parameters<typeof inWays>[1][number])),
  ]),
);

cases(
  "a peer that is gone behind its FIN",
  inWays(WAYS, [
    {
      name: "allowHalfOpen: reads stay null, a write tells: EPIPE",
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.write("bye");
        await theirs.close();
        const { bytes: count, end } = await readToEnd(ours);
        assertEquals([count, end], [3, null]);
        await staysPending(ours.closed, "closed", 100);
        const writing = async () => {
          for (;;) {
            await ours.write(bytes("more"));
            await sleep(5);
          }
        };
        const error = await errorOf(writing(), "Writing");
        checkPipe(ours, error);
        await assertLatched(ours, error, "null");
      },
    },
    {
      name: "a write before its FIN is seen is lost, with allowHalfOpen and without: EPIPE",
      needs: { capability: "readBack", available: capabilities().readBack },
      run: async (open) => {
        const pairs = [await open(), await open({ allowHalfOpen: true })];
        const closing = pairs.map(({ theirs }) => theirs.close({ delay: 100 }));
        await sleep(20);
        beBusy(200);
        const writes = pairs.map(({ ours }) => ours.write(bytes("lost")));
        for (const [index, { ours }] of pairs.entries()) {
          const error = await errorOf(ours.closed, "closed");
          checkPipe(ours, error);
          // TCP takes it, and learns that nobody is there by the answer; a Unix socket knows.
          const answer = await writes[index].then(() => undefined, (reason) => reason);
          if (answer !== undefined) assertStrictEquals(answer, error);
          await assertLatched(ours, error, "null");
        }
        await Promise.all(closing);
      },
    },
    {
      name: "nobody reads: closed resolves, with nothing to write",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.close();
        await soon(ours.closed, "closed");
        await assertReadsEnd(ours);
        await soon(ours.close(), "close()");
      },
    },
  ]),
);
