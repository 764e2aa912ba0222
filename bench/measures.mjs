// What is compared: data only. `ours` and `bare` name functions of keepwire.mjs and of a bare_*.mjs.
const MIB = 1_048_576;

export const MEASURES = [
  // `op` is what counts as one: bytes, or calls.
  { name: "bulk receive", ours: "receive", bare: "receive", op: MIB, unit: "MiB/s" },
  { name: "bulk receive, iterated", ours: "iterate", bare: "chunks", op: MIB, unit: "MiB/s" },
  { name: "bulk send, 64 KiB writes", ours: "send", bare: "send", op: MIB, args: [65_536], unit: "MiB/s" },
  { name: "round trip, 64 B", ours: "roundTrips", bare: "roundTrips", op: 1, args: [64], unit: "us" },
  { name: "round trip, 4 KiB", ours: "roundTrips", bare: "roundTrips", op: 1, args: [4096], unit: "us" },
  { name: "connect, four options", ours: "connect", bare: "connectFfi", op: 1, unit: "us" },
  { name: "connect, native setter", ours: "connect", bare: "connectNative", op: 1, unit: "us" },
  { name: "setKeepAlive, four options", ours: "setKeepAlive", bare: "setKeepAlive", op: 1, unit: "us" },
];
