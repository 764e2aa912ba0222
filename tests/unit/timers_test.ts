/** What `detectsWithin` needs of the system: the kernel's parameters, and a socket's retransmission timeout. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { systemTimers } from "../../adapters/shared/timers.ts";
import { tcpRto } from "../../core/tcp_info.ts";

const FOLDER = "/proc/sys/net/ipv4/";

for (
  const [files, expected] of [
    [{ tcp_retries2: "15\n", tcp_rto_max_ms: "120000\n" }, { retries2: 15, rtoMax: 120_000 }],
    [{ tcp_retries2: "0\n" }, { retries2: 0 }],
    [{ tcp_rto_max_ms: "1000\n" }, {}],
    [{ tcp_retries2: "" }, {}],
    [{ tcp_retries2: "many\n", tcp_rto_max_ms: "1000\n" }, {}],
    [{}, {}],
  ] as [Record<string, string>, Record<string, number>][]
) {
  test(`timers: ${JSON.stringify(files)}`, () => {
    const found = systemTimers((path) =>
      path.startsWith(FOLDER) ? files[path.slice(FOLDER.length)] : undefined
    );
    assertEquals(found, expected);
  });
}

/** Struct tcp_info up to `rto`, which counts microseconds. */
function raw(retransmits: number, backoff: number, rto: number, length = 12) {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint8(2, retransmits);
  view.setUint8(4, backoff);
  view.setUint32(8, rto, true);
  return { view, length, littleEndian: true };
}

test("timers: the retransmission timeout is told without backoff", () => {
  assertEquals(tcpRto("linux", raw(0, 0, 204_000)), 204);
  assertEquals(tcpRto("linux", raw(3, 3, 1_632_000)), 204);
});

test("timers: window probes back off, and leave the timeout as it is", () => {
  assertEquals(tcpRto("linux", raw(0, 5, 204_000)), 204);
});

test("timers: a listening socket, a kernel without the field and other systems have no timeout", () => {
  assertEquals(tcpRto("linux", raw(0, 0, 0)), undefined);
  assertEquals(tcpRto("linux", raw(0, 0, 204_000, 11)), undefined);
  assertEquals(tcpRto("linux", raw(0, 0, 204_000, -1)), undefined);
  assertEquals(tcpRto("darwin", raw(0, 0, 204_000)), undefined);
});
