/** TCP_INFO: offsets and units, and the length that the kernel gave. Bytes are built by hand. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { decodeTcpInfo, hasTcpInfo, type RawTcpInfo, tcpState, tcpUnacked } from "../../core/tcp_info.ts";
import {
  DARWIN_TCP_INFO,
  LINUX_TCP_INFO,
  TCP_STATES,
  type TcpInfoName,
  type TcpInfoRow,
} from "../../core/tables/tcp_info.ts";
import type { TcpInfo } from "../../core/types.ts";

/** The names of the type and those of the table are the same, or this does not compile. */
export type SameNames = [
  Exclude<keyof TcpInfo, "state" | TcpInfoName> extends never ? true : never,
  Exclude<TcpInfoName, keyof TcpInfo> extends never ? true : never,
] extends [true, true] ? true : never;
const _same: SameNames = true;

type Width = 1 | 2 | 4 | 8;
type Literal = [name: keyof TcpInfo, offset: number, width: Width, raw: number | bigint, value: unknown];

/** From the header, written out: where each field lies, and what its number means. */
// deno-fmt-ignore -- a table is read by its columns
const LINUX: Literal[] = [
  ["state", 0, 1, 8, "CLOSE_WAIT"], ["caState", 1, 1, 3, 3], ["retransmits", 2, 1, 2, 2], ["probes", 3, 1, 5, 5],
  ["backoff", 4, 1, 6, 6], ["timestamps", 5, 1, 0b0101, true], ["sack", 5, 1, 0b0101, false],
  ["windowScaling", 5, 1, 0b0101, true], ["ecn", 5, 1, 0b0101, false], ["sndWscale", 6, 1, 0xa7, 7],
  ["rcvWscale", 6, 1, 0xa7, 10], ["deliveryRateAppLimited", 7, 1, 0b101, true], ["fastopenClientFail", 7, 1, 0b101, 2],
  ["rto", 8, 4, 204_500, 204.5], ["ato", 12, 4, 40_000, 40], ["sndMss", 16, 4, 1448, 1448], ["rcvMss", 20, 4, 536, 536],
  ["unacked", 24, 4, 3, 3], ["sacked", 28, 4, 11, 11], ["lost", 32, 4, 12, 12], ["retrans", 36, 4, 13, 13],
  ["lastDataSent", 44, 4, 1_001, 1_001], ["lastDataRecv", 52, 4, 1_002, 1_002], ["lastAckRecv", 56, 4, 4_294_967_295, 4_294_967_295],
  ["pmtu", 60, 4, 1500, 1500], ["rcvSsthresh", 64, 4, 65_535, 65_535], ["rtt", 68, 4, 1, 0.001], ["rttvar", 72, 4, 750, 0.75],
  ["sndSsthresh", 76, 4, 2_147_483_647, 2_147_483_647], ["sndCwnd", 80, 4, 10, 10], ["advmss", 84, 4, 1460, 1460],
  ["reordering", 88, 4, 3, 3], ["rcvRtt", 92, 4, 2_500, 2.5], ["rcvSpace", 96, 4, 14_600, 14_600], ["totalRetrans", 100, 4, 77, 77],
  ["pacingRate", 104, 8, 1_000_000n, 1_000_000], ["maxPacingRate", 112, 8, 0xffff_ffff_ffff_ffffn, Infinity],
  ["bytesAcked", 120, 8, 2n ** 53n - 1n, Number.MAX_SAFE_INTEGER], ["bytesReceived", 128, 8, 5_000_000_000n, 5_000_000_000],
  ["segsOut", 136, 4, 21, 21], ["segsIn", 140, 4, 22, 22], ["notsentBytes", 144, 4, 0x01020304, 0x01020304],
  ["minRtt", 148, 4, 30, 0.03], ["dataSegsIn", 152, 4, 23, 23], ["dataSegsOut", 156, 4, 24, 24],
  ["deliveryRate", 160, 8, 123_456n, 123_456], ["busyTime", 168, 8, 1_500_000n, 1_500], ["rwndLimited", 176, 8, 250n, 0.25],
  ["sndbufLimited", 184, 8, 9_000n, 9], ["delivered", 192, 4, 25, 25], ["deliveredCe", 196, 4, 26, 26],
  ["bytesSent", 200, 8, 31n, 31], ["bytesRetrans", 208, 8, 32n, 32], ["dsackDups", 216, 4, 33, 33], ["reordSeen", 220, 4, 34, 34],
  ["rcvOoopack", 224, 4, 35, 35], ["sndWnd", 228, 4, 36, 36], ["rcvWnd", 232, 4, 37, 37], ["rehash", 236, 4, 38, 38],
  ["totalRto", 240, 2, 39, 39], ["totalRtoRecoveries", 242, 2, 40, 40], ["totalRtoTime", 244, 4, 41, 41],
  ["receivedCe", 248, 4, 42, 42], ["deliveredE1Bytes", 252, 4, 43, 43], ["deliveredE0Bytes", 256, 4, 44, 44],
  ["deliveredCeBytes", 260, 4, 45, 45], ["receivedE1Bytes", 264, 4, 46, 46], ["receivedE0Bytes", 268, 4, 47, 47],
  ["receivedCeBytes", 272, 4, 48, 48], ["accecnFailMode", 276, 2, 49, 49], ["accecnOptSeen", 278, 2, 50, 50],
];

/** xnu, `struct tcp_connection_info`. */
// deno-fmt-ignore -- a table is read by its columns
const DARWIN: Literal[] = [
  ["state", 0, 1, 4, "ESTABLISHED"], ["sndWscale", 1, 1, 6, 6], ["rcvWscale", 2, 1, 7, 7], ["timestamps", 4, 4, 0b0111, true],
  ["sack", 4, 4, 0b0111, true], ["windowScaling", 4, 4, 0b0111, true], ["ecn", 4, 4, 0b0111, false],
  ["rto", 12, 4, 230, 230], ["sndMss", 16, 4, 1448, 1448], ["sndSsthreshBytes", 20, 4, 1_073_725_440, 1_073_725_440],
  ["sndCwndBytes", 24, 4, 14_480, 14_480], ["sndWnd", 28, 4, 131_072, 131_072], ["sndbufBytes", 32, 4, 512, 512],
  ["rcvWnd", 36, 4, 131_328, 131_328], ["rttCurrent", 40, 4, 12, 12], ["rtt", 44, 4, 13, 13], ["rttvar", 48, 4, 4, 4],
  ["segsOut", 56, 8, 101n, 101], ["bytesSent", 64, 8, 102n, 102], ["bytesRetrans", 72, 8, 103n, 103],
  ["segsIn", 80, 8, 104n, 104], ["bytesReceived", 88, 8, 105n, 105], ["rcvOooBytes", 96, 8, 106n, 106],
  ["totalRetrans", 104, 8, 107n, 107],
];

function rawOf(literals: Literal[], length: number, littleEndian = true): RawTcpInfo {
  // Behind another array, and full of what a newer kernel might add.
  const bytes = new Uint8Array(560).subarray(8, 8 + 512).fill(0xa5, 280);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [, offset, width, raw] of literals) {
    if (width === 1) view.setUint8(offset, Number(raw));
    else if (width === 2) view.setUint16(offset, Number(raw), littleEndian);
    else if (width === 4) view.setUint32(offset, Number(raw), littleEndian);
    else view.setBigUint64(offset, BigInt(raw), littleEndian);
  }
  return { view, length, littleEndian };
}

function expected(literals: Literal[], length: number): unknown {
  const held = literals.filter(([, offset, width]) => offset + width <= length);
  return Object.fromEntries(held.map(([name, , , , value]) => [name, value]));
}

// The sizes that kernels have had: 2.6, 4.10, 5.4, 6.7, 6.18; then one of the future, and some odd ones.
for (const length of [104, 192, 232, 248, 280, 512, 8, 9, 12, 147, 148, 1]) {
  test(`tcp_info: linux, ${length} bytes`, () => {
    assertEquals(decodeTcpInfo("linux", rawOf(LINUX, length)), expected(LINUX, length) as TcpInfo);
    assertEquals(decodeTcpInfo("linux", rawOf(LINUX, length, false)), expected(LINUX, length) as TcpInfo);
  });
}

for (const length of [112, 512, 104, 56, 4]) {
  test(`tcp_info: darwin, ${length} bytes`, () => {
    assertEquals(decodeTcpInfo("darwin", rawOf(DARWIN, length)), expected(DARWIN, length) as TcpInfo);
  });
}

test("tcp_info: a length beyond the buffer counts as the buffer", () => {
  const raw = rawOf(LINUX, 280);
  const view = new DataView(raw.view.buffer, raw.view.byteOffset, 28);
  assertEquals(decodeTcpInfo("linux", { ...raw, view }), expected(LINUX, 28) as TcpInfo);
});

test("tcp_info: nothing read, a state that nobody knows, another system: nothing", () => {
  for (const os of ["linux", "darwin"]) assertEquals(decodeTcpInfo(os, rawOf(LINUX, 0)), undefined);
  const odd = rawOf(LINUX, 280);
  odd.view.setUint8(0, 99);
  assertEquals([decodeTcpInfo("linux", odd), tcpState("linux", odd)], [undefined, undefined]);
  for (const os of ["freebsd", "windows", "", "toString", "__proto__"]) {
    assertEquals([hasTcpInfo(os), decodeTcpInfo(os, rawOf(LINUX, 280))], [false, undefined], os);
    assertEquals([tcpState(os, odd), tcpUnacked(os, odd)], [undefined, undefined], os);
  }
});

test("tcp_info: single fields are those of the whole", () => {
  assertEquals([tcpState("linux", rawOf(LINUX, 280)), tcpUnacked("linux", rawOf(LINUX, 280))], [
    "CLOSE_WAIT",
    3,
  ]);
  assertEquals([tcpState("linux", rawOf(LINUX, 0)), tcpUnacked("linux", rawOf(LINUX, 27))], [
    undefined,
    undefined,
  ]);
  assertEquals([tcpState("darwin", rawOf(DARWIN, 112)), tcpUnacked("darwin", rawOf(DARWIN, 112))], [
    "ESTABLISHED",
    undefined,
  ]);
});

test("tcp_info: states by number", () => {
  const named = (os: "linux" | "darwin", number: number) => {
    const raw = rawOf(LINUX, 280);
    raw.view.setUint8(0, number);
    return tcpState(os, raw);
  };
  // deno-fmt-ignore -- number, Linux's word, macOS's word
  const words: [number, string | undefined, string | undefined][] = [
    [0, undefined, "CLOSE"], [1, "ESTABLISHED", "LISTEN"], [2, "SYN_SENT", "SYN_SENT"], [3, "SYN_RECV", "SYN_RECV"],
    [4, "FIN_WAIT1", "ESTABLISHED"], [5, "FIN_WAIT2", "CLOSE_WAIT"], [6, "TIME_WAIT", "FIN_WAIT1"], [7, "CLOSE", "CLOSING"],
    [8, "CLOSE_WAIT", "LAST_ACK"], [9, "LAST_ACK", "FIN_WAIT2"], [10, "LISTEN", "TIME_WAIT"], [11, "CLOSING", undefined],
  ];
  for (const [number, linux, darwin] of words) {
    assertEquals([number, named("linux", number), named("darwin", number)], [number, linux, darwin]);
  }
});

test("tcp_info: the tables have the fields of the headers, each with a version and a link", () => {
  for (const [rows, literals] of [[LINUX_TCP_INFO, LINUX], [DARWIN_TCP_INFO, DARWIN]] as const) {
    assertEquals(
      rows.map(({ name, offset }) => [name, offset]),
      literals.map(([name, offset]) => [name, offset]),
    );
    for (const { source, since } of rows as readonly TcpInfoRow[]) {
      assert(/^https:\/\/\S+\.h$/.test(source), source);
      assert(/^\d+\.\d+/.test(since), since);
    }
  }
  for (const { source } of Object.values(TCP_STATES)) assert(source.startsWith("https://"));
});

test("tcp_info: a field is not older than the one before it, but for those in spare bits", () => {
  const age = (since: string) => since.split(".").map(Number).reduce((sum, part) => sum * 1000 + part, 0);
  const rows = LINUX_TCP_INFO.filter(({ offset }) => offset !== 7);
  const ages = rows.map(({ since }) => age(since.split(".").slice(0, 2).join(".")));
  assertEquals(ages, ages.toSorted((a, b) => a - b));
});
