// What is compared: data only. `ours` and `bare` name functions of keepwire.mjs and of a bare_*.mjs.
const MIB = 1_048_576;

export const MEASURES = [
  // `op` is what counts as one: bytes, or calls.
  { name: "bulk receive", ours: "receive", bare: "receive", op: MIB, unit: "MiB/s" },
  { name: "bulk receive, iterated", ours: "iterate", bare: "chunks", op: MIB, unit: "MiB/s" },
  { name: "bulk send, 64 KiB writes", ours: "send", bare: "send", op: MIB, args: [65_536], unit: "MiB/s" },
  // Against the runtime's own streams; of Node and Bun, which have none for BYOB, against one buffer and callbacks.
  { name: "readable, default reader", ours: "readDefault", bare: "readDefault", op: MIB, unit: "MiB/s" },
  { name: "readable, BYOB", ours: "readByob", bare: "readByob", op: MIB, unit: "MiB/s" },
  {
    name: "writable, 64 KiB",
    ours: "writeStream",
    bare: "writeStream",
    op: MIB,
    args: [65_536],
    unit: "MiB/s",
  },
  // Against `net.Socket`, used in the same way.
  { name: "toDuplex, receive", ours: "receiveDuplex", bare: "receiveDuplex", op: MIB, unit: "MiB/s" },
  {
    name: "toDuplex, 64 KiB writes",
    ours: "sendDuplex",
    bare: "sendDuplex",
    op: MIB,
    args: [65_536],
    unit: "MiB/s",
  },
  { name: "TLS receive", ours: "receive", bare: "receive", tls: true, op: MIB, unit: "MiB/s" },
  {
    name: "TLS send, 64 KiB writes",
    ours: "send",
    bare: "send",
    tls: true,
    op: MIB,
    args: [65_536],
    unit: "MiB/s",
  },
  {
    name: "TLS round trip, 64 B",
    ours: "roundTrips",
    bare: "roundTrips",
    tls: true,
    op: 1,
    args: [64],
    unit: "us",
  },
  {
    name: "TLS round trip, 4 KiB",
    ours: "roundTrips",
    bare: "roundTrips",
    tls: true,
    op: 1,
    args: [4096],
    unit: "us",
  },
  { name: "round trip, 64 B", ours: "roundTrips", bare: "roundTrips", op: 1, args: [64], unit: "us" },
  { name: "round trip, 4 KiB", ours: "roundTrips", bare: "roundTrips", op: 1, args: [4096], unit: "us" },
  { name: "connect, four options", ours: "connect", bare: "connectFfi", op: 1, unit: "us" },
  { name: "connect, native setter", ours: "connect", bare: "connectNative", op: 1, unit: "us" },
  { name: "setKeepAlive, four options", ours: "setKeepAlive", bare: "setKeepAlive", op: 1, unit: "us" },
];
