/**
 * `abort()`: the peer's view, and one error for all that is pending or later.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { cases } from "../kit/cases.ts";
import { WAYS } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import {
  assertLatched,
  assertNotConnected,
  assertReadsEnd,
  bytes,
  endOfAbort,
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

function checkAborted(connection: Connection, error: unknown, reason?: unknown): void {
  const cause = reason === undefined ? "none" : { value: reason };
  checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause, ...endsOf(connection) });
}

cases(
  "abort",
  inWays(WAYS, [
    {
      name: "idle: the peer sees a RST where there is one, else an orderly end",
      run: async (open, _context, way) => {
        const { ours, theirs } = await open();
        ours.abort();
        const error = await errorOf(ours.closed, "closed");
        checkAborted(ours, error);
        await assertLatched(ours, error);
        assertEquals(await theirs.waitForEnd(), endOfAbort(way));
        const { end } = await theirs.receive({ timeout: 1_000 });
        assertEquals(end, endOfAbort(way) === "reset" ? "ECONNRESET" : "eof");
      },
    },
    {
      name: "reads, writes, an iteration, closeWrite and closed get one error with the reason as its cause",
      run: async (open, _context, way) => {
        const { ours, theirs } = await open();
        const waiting = [
          ours.read(new Uint8Array(10)),
          ours[Symbol.asyncIterator]().next(),
          ours.write(seeded("dropped", TOO_MUCH)),
          ours.write(bytes("dropped")),
          ours.closeWrite(),
          ours.closed,
        ];
        await staysPending(Promise.race(waiting), "One of them");
        const reason = { why: "no longer wanted" };
        ours.abort(reason);
        const errors = await Promise.all(waiting.map((one, index) => errorOf(one, `Number ${index}`)));
        for (const error of errors) assertStrictEquals(error, errors[0]);
        checkAborted(ours, errors[0], reason);
        await assertLatched(ours, errors[0]);
        const received = await theirs.receive({ hash: false });
        assert(received.bytes < TOO_MUCH, "what was queued was sent all the same");
        assertEquals(received.end, endOfAbort(way) === "reset" ? "ECONNRESET" : "eof");
      },
    },
    {
      name: "with bytes unread: they are dropped",
      run: async (open, _context, way) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "dropped", 5_000);
        assertEquals(await ours.read(new Uint8Array(10)), 10);
        ours.abort("reason");
        const error = await errorOf(ours.read(new Uint8Array(10)), "A read");
        checkAborted(ours, error, "reason");
        await assertLatched(ours, error);
        const end = await theirs.waitForEnd();
        // Without a RST of ours it is the kernel's, when some of the bytes are still there.
        if (endOfAbort(way) === "reset") assertEquals(end, "reset");
        else assert(["reset", "fin"].includes(end), end);
      },
    },
    {
      name: "twice: the first counts",
      run: async (open) => {
        const { ours } = await open();
        ours.abort("first");
        ours.abort("second");
        const error = await errorOf(ours.closed, "closed");
        checkAborted(ours, error, "first");
        await assertLatched(ours, error);
      },
    },
    {
      name: "after the peer's FIN was read",
      run: async (open, _context, way) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.shutdown();
        await assertReadsEnd(ours);
        ours.abort("reason");
        const error = await errorOf(ours.closed, "closed");
        checkAborted(ours, error, "reason");
        await assertLatched(ours, error);
        assertEquals(await theirs.waitForEnd(), endOfAbort(way));
      },
    },
    {
      name: "during close(): it rejects too",
      run: async (open, _context, way) => {
        const { ours, theirs } = await open();
        const written = ours.write(seeded("dropped", TOO_MUCH));
        const closing = ours.close();
        await staysPending(Promise.race([written, closing]), "close()");
        ours.abort("reason");
        const error = await errorOf(closing, "close()");
        checkAborted(ours, error, "reason");
        assertStrictEquals(await errorOf(written, "The write"), error);
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
        await assertReadsEnd(ours);
        await assertNotConnected(ours, error);
        const received = await theirs.receive({ hash: false });
        assert(received.bytes < TOO_MUCH, "what was queued was sent all the same");
        assertEquals(received.end, endOfAbort(way) === "reset" ? "ECONNRESET" : "eof");
      },
    },
    {
      name: "while close() waits for the peer's FIN: it rejects too",
      run: async (open) => {
        const { ours, theirs } = await open();
        const closing = ours.close();
        assertEquals(await theirs.waitForEnd(), "fin");
        await staysPending(closing, "close()", 30);
        ours.abort("reason");
        const error = await errorOf(closing, "close()");
        checkAborted(ours, error, "reason");
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
      },
    },
    {
      name: "in a loop over the connection: the loop throws",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.write("one");
        let chunks = 0;
        const looping = async () => {
          for await (const _chunk of ours) {
            chunks++;
            ours.abort("enough");
          }
        };
        const error = await errorOf(looping(), "The loop");
        checkAborted(ours, error, "enough");
        assertEquals(chunks, 1);
        await assertLatched(ours, error);
      },
    },
  ]),
);

cases(
  "abort of a connection that has ended",
  inWays(TCP_WAYS, [
    {
      name: "in good order: nothing changes",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await soon(ours.closed, "closed");
        ours.abort("too late");
        await soon(Promise.all([ours.closed, ours.close()]), "closed and close()");
        await assertReadsEnd(ours);
      },
    },
    {
      name: "by a failure: the first error stays",
      run: async (open) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "kept", 5_000);
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        ours.abort("too late");
        assertEquals(await ours.read(new Uint8Array(10_000)), 5_000);
        await assertLatched(ours, error);
      },
    },
  ]),
);

cases(
  "what nobody waits for",
  inWays(WAYS, [
    {
      name: "no rejection is unhandled, whatever was begun",
      slow: true,
      run: async (open) => {
        for (const end of ["abort", "reset", "timeout"]) {
          const { ours, theirs } = await open({ closeTimeout: 0 });
          void ours.read(new Uint8Array(10));
          void ours[Symbol.asyncIterator]().next();
          void ours.write(seeded("dropped", TOO_MUCH));
          void ours.write(bytes("dropped"));
          void ours.closeWrite();
          if (end === "abort") ours.abort(new Error("nobody asks"));
          else if (end === "reset") await theirs.close();
          else void ours.close();
          await sleep(50);
          void ours.read(new Uint8Array(10));
          void ours[Symbol.asyncIterator]().next();
          void ours.write(bytes("late"));
          void ours.closeWrite();
          void ours.closed;
          await sleep(10);
        }
      },
    },
  ]),
);
