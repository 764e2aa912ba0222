/**
 * How connections with TLS end: `close_notify` is an orderly end, a FIN alone
 * is one only where the runtime does not tell them apart, a RST never is.
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities, type Connection } from "../../mod.ts";
import { seededSha256 } from "../kit/bytes.ts";
import { cases } from "../kit/cases.ts";
import type { Way } from "../kit/pairs.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import { TLS_WAYS } from "../kit/tls.ts";
import {
  assertLatched,
  assertReadsEnd,
  assertReadsThenFails,
  bytes,
  checkReset,
  endsOf,
  errorOf,
  inWays,
  readText,
  readToEnd,
  resetBehindFullReadAhead,
  seeded,
  sendAndArrive,
  soon,
  staysPending,
  TOO_MUCH,
} from "./ends.ts";

const { truncation: TELLS_TRUNCATION } = capabilities().tls;
const WAYS: readonly Way[] = TLS_WAYS;

cases(
  "tls: close_notify and FIN",
  inWays(WAYS, [
    {
      name: "bytes, then null, and closed resolves",
      run: async (open) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "all", 60_000);
        await theirs.shutdown();
        const { bytes: count, sha256, end } = await soon(readToEnd(ours), "Reading");
        assertEquals([count, sha256, end], [60_000, seededSha256("all", 60_000), null]);
        await soon(ours.closed, "closed");
        assertEquals((await theirs.receive()).end, "eof");
        await assertReadsEnd(ours);
        await assertSocketError(ours.write(bytes("late")), { code: "EPIPE", op: "write", ...endsOf(ours) });
      },
    },
    {
      name: "nobody reads, nothing is buffered: closed resolves",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.shutdown();
        await soon(ours.closed, "closed");
        assertEquals((await theirs.receive()).end, "eof");
      },
    },
    {
      name: "close_notify, and the FIN later",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.write("bye");
        await theirs.closeNotify();
        assertEquals(await readText(ours, 3), "bye");
        await assertReadsEnd(ours);
        assertEquals((await theirs.receive()).end, "eof");
        await theirs.close();
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "allowHalfOpen: we go on writing after their end",
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await staysPending(ours.closed, "closed");
        await ours.write(bytes("after their end"));
        assertEquals(await theirs.readText(15), "after their end");
        await ours.closeWrite();
        assertEquals((await theirs.receive()).end, "eof");
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "allowHalfOpen: we go on reading after our end",
      run: async (open) => {
        const { ours, theirs } = await open({ allowHalfOpen: true });
        await ours.write(bytes("last words"));
        await ours.closeWrite();
        const received = await theirs.receive({ keep: true });
        assertEquals([received.bytes, received.end], [10, "eof"]);
        await theirs.write("after our end");
        assertEquals(await readText(ours, 13), "after our end");
        await assertSocketError(ours.write(bytes("late")), { code: "EPIPE", op: "write", ...endsOf(ours) });
        await theirs.shutdown();
        await assertReadsEnd(ours);
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "what is queued is sent before our end",
      run: async (open) => {
        const { ours, theirs } = await open();
        const writing = ours.write(seeded("queued", TOO_MUCH));
        await theirs.shutdown();
        await sleep(50);
        const { bytes: count, sha256, end } = await theirs.receive();
        assertEquals([count, sha256, end], [TOO_MUCH, seededSha256("queued", TOO_MUCH), "eof"]);
        await writing;
        await soon(ours.closed, "closed");
      },
    },
  ]),
);

cases(
  "tls: FIN alone",
  inWays(WAYS, [
    {
      name: "behind bytes",
      run: async (open) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "cut", 5_000);
        await theirs.shutdown({ bare: true });
        const error = await assertReadsThenFails(ours, "cut", 5_000);
        await assertTruncated(ours, error);
      },
    },
    {
      name: "nobody reads",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.shutdown({ bare: true });
        if (!TELLS_TRUNCATION) return await soon(ours.closed, "closed");
        await assertTruncated(ours, await errorOf(ours.closed, "closed"));
      },
    },
    {
      name: "within a record",
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.writeRaw(new Uint8Array([0x17, 0x03, 0x03, 0x40, 0x00, 1, 2, 3]));
        await theirs.shutdown({ bare: true });
        const { end } = await readToEnd(ours);
        await assertTruncated(ours, end);
      },
    },
    {
      name: "after our close(), it is an end like any other",
      run: async (open) => {
        const { ours, theirs } = await open();
        const closing = ours.close();
        assertEquals((await theirs.receive()).end, "eof");
        await theirs.shutdown({ bare: true });
        await soon(closing, "close()");
        await soon(ours.closed, "closed");
      },
    },
  ]),
);

async function assertTruncated(ours: Connection, error: unknown): Promise<void> {
  if (!TELLS_TRUNCATION) {
    assertEquals(error, null, "capabilities().tls.truncation is false");
    return await soon(ours.closed, "closed");
  }
  checkReset(ours, error, "read");
  await assertLatched(ours, error);
}

cases(
  "tls: RST",
  inWays(WAYS, [
    {
      name: "what was received comes first",
      run: async (open) => {
        const { ours, theirs } = await open();
        await sendAndArrive(theirs, "kept", 60_000);
        await theirs.reset();
        await sleep(50);
        const error = await assertReadsThenFails(ours, "kept", 60_000);
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
    {
      name: "idle, nobody reads: closed tells",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open();
        await theirs.reset();
        const error = await errorOf(ours.closed, "closed");
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
    {
      name: "while a read waits",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reading = ours.read(new Uint8Array(10));
        await theirs.reset();
        const error = await errorOf(reading, "The read");
        checkReset(ours, error, "read");
        await assertLatched(ours, error);
      },
    },
    {
      name: "while a write waits",
      run: async (open) => {
        const { ours, theirs } = await open();
        const writing = ours.write(seeded("gone", TOO_MUCH));
        await staysPending(writing, "The write");
        await theirs.reset();
        const error = await errorOf(writing, "The write");
        checkReset(ours, error);
        await assertLatched(ours, error);
      },
    },
    resetBehindFullReadAhead,
  ]),
);

cases(
  "tls: our own end",
  inWays(WAYS, [
    {
      name: "close(): what is queued is flushed, then close_notify",
      run: async (open) => {
        const { ours, theirs } = await open();
        const writing = ours.write(seeded("flushed", TOO_MUCH));
        const closing = ours.close();
        await staysPending(closing, "close()");
        const { bytes: count, sha256, end } = await theirs.receive();
        assertEquals([count, sha256, end], [TOO_MUCH, seededSha256("flushed", TOO_MUCH), "eof"]);
        await writing;
        await theirs.shutdown();
        await soon(closing, "close()");
        await soon(ours.closed, "closed");
      },
    },
    {
      name: "close() with bytes that nobody has read",
      run: async (open) => {
        const { ours, theirs } = await open({ readAhead: 4_096 });
        await sendAndArrive(theirs, "unread", 60_000);
        await ours.write(bytes("written"));
        const closing = ours.close();
        assertEquals(await theirs.readText(7), "written");
        assertEquals((await theirs.receive()).end, "eof");
        await theirs.shutdown();
        await soon(closing, "close()");
        await soon(ours.closed, "closed");
        await assertReadsEnd(ours);
      },
    },
    {
      name: "close() against a peer that never ends: closeTimeout",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 200 });
        await soon(ours.close(), "close()");
        await soon(ours.closed, "closed");
        assertEquals((await theirs.receive()).end, "eof");
      },
    },
    {
      name: "closeTimeout while the peer does not read: ETIMEDOUT",
      slow: true,
      run: async (open) => {
        const { ours, theirs } = await open({ closeTimeout: 200, receiveBuffer: 16_384 });
        const writing = ours.write(seeded("lost", TOO_MUCH));
        const error = await errorOf(ours.close(), "close()", 3_000);
        checkSocketError(error, { code: "ETIMEDOUT", op: "close", ...endsOf(ours) });
        assertStrictEquals(await errorOf(writing, "The write"), error);
        const { end } = await theirs.receive({ timeout: 3_000 });
        assert(capabilities().reset ? end === "ECONNRESET" : end !== "eof", end);
      },
    },
    {
      name: "abort()",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reading = ours.read(new Uint8Array(10));
        const reason = new Error("enough");
        ours.abort(reason);
        const error = await errorOf(reading, "The read");
        const expected = { code: "ECONNABORTED", op: "abort", cause: { value: reason }, ...endsOf(ours) };
        checkSocketError(error, expected);
        await assertLatched(ours, error);
        assertEquals(await theirs.waitForEnd(), capabilities().reset ? "reset" : "fin");
      },
    },
    {
      name: "abort() while a write waits",
      run: async (open) => {
        const { ours, theirs } = await open();
        const writing = ours.write(seeded("gone", TOO_MUCH));
        await staysPending(writing, "The write");
        ours.abort();
        await assertLatched(ours, await errorOf(writing, "The write"));
        const { end, bytes: count } = await theirs.receive({ timeout: 3_000 });
        assert(count < TOO_MUCH, "all of it came");
        assert(capabilities().reset ? end === "ECONNRESET" : end !== "eof", end);
      },
    },
  ]),
);
