/**
 * An RST that comes while the process is busy: bytes and the RST are found
 * together, or a write is the first to meet it. Runtimes have taken both for
 * an orderly end.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { seededSha256 } from "../kit/bytes.ts";
import { cases } from "../kit/cases.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import { assertLatched, bytes, endsOf, errorOf, inWays, readToEnd, TCP_WAYS } from "./ends.ts";

/** Keeps the process from looking at its sockets, for longer than the peer waits. */
function beBusy(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

cases(
  "RST while the process is busy",
  inWays(TCP_WAYS, [
    {
      name: "bytes and the RST behind them are found at once: all bytes come, then the error",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reset = theirs.reset({ delay: 100, bytes: 5_000, seed: "parting" });
        await sleep(20);
        beBusy(300);
        const { bytes: count, sha256, end } = await readToEnd(ours);
        assertEquals(count, 5_000);
        assertEquals(sha256, seededSha256("parting", 5_000));
        checkSocketError(end, { code: "ECONNRESET", op: "read", cause: "error", ...endsOf(ours) });
        await assertLatched(ours, end);
        await reset;
      },
    },
    {
      name: "a write is the first to meet it: all bytes come, and it is the same error for everybody",
      run: async (open) => {
        const { ours, theirs } = await open();
        const reset = theirs.reset({ delay: 100, bytes: 5_000, seed: "parting" });
        await sleep(20);
        beBusy(300);
        const error = await errorOf(ours.write(bytes("too late")), "The write");
        checkSocketError(error, {
          code: "ECONNRESET",
          op: ["read", "write"],
          cause: "error",
          ...endsOf(ours),
        });
        assertStrictEquals(await errorOf(ours.closed, "closed"), error);
        const { bytes: count, sha256, end } = await readToEnd(ours);
        assertEquals(count, 5_000);
        assertEquals(sha256, seededSha256("parting", 5_000));
        assertStrictEquals(end, error);
        await assertLatched(ours, error);
        await reset;
      },
    },
  ]),
);
