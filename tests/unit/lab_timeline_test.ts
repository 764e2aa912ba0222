/** What captured segments are: rows made by hand. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { eventsOf, joined, type Kind, lastArrival, type Segment } from "../lab/timeline.ts";

const US = 4_294_967_000; // near the end of 32 bits: what follows wraps
const PEER = 5_000;

/** A segment whose numbers count from the two first sequence numbers. */
function segment(at: number, from: "us" | "peer", flags: string, more: Partial<Segment> = {}): Segment {
  const [own, other] = from === "us" ? [US, PEER] : [PEER, US];
  const { seq = 1, ack = 1, window = 500, bytes = 0, ...rest } = more;
  return {
    at,
    from,
    flags,
    seq: (own + seq) >>> 0,
    ack: flags.includes(".") ? (other + ack) >>> 0 : 0,
    window,
    bytes,
    ...rest,
  };
}

const HANDSHAKE = [
  segment(0, "us", "S", { seq: 0 }),
  segment(1, "peer", "S.", { seq: 0 }),
  segment(2, "us", "."),
];

/** The rows as both hosts capture them; a row with `lost` is not seen by its receiver. */
function kinds(rows: (Segment & { lost?: boolean })[]): string[] {
  const all = [...HANDSHAKE, ...rows] as (Segment & { lost?: boolean })[];
  const seenBy = (host: "us" | "peer") =>
    all.filter(({ from, lost }) => from === host || !lost).map(({ lost: _, ...row }) => row);
  return eventsOf(seenBy("us"), seenBy("peer"), 0).slice(HANDSHAKE.length)
    .map(({ from, kind, delivered }) => `${from} ${kind}${delivered ? "" : " lost"}`);
}

const lost = (row: Segment) => ({ ...row, lost: true });
const hello = segment(10, "us", "P.", { bytes: 400 });

const ROWS: [string, (Segment & { lost?: boolean })[], string[]][] = [
  ["a keepalive probe without data, and its answer", [
    segment(10, "us", ".", { seq: 0 }),
    segment(11, "peer", "."),
  ], ["us probe", "peer ack"]],
  ["a keepalive probe with one byte that was acknowledged", [
    hello,
    segment(11, "peer", ".", { ack: 401 }),
    segment(20, "us", ".", { seq: 400, bytes: 1 }),
  ], ["us data", "peer ack", "us probe"]],
  ["the last byte again is a retransmission while nobody acknowledged it", [
    segment(10, "us", "P.", { bytes: 1 }),
    segment(20, "us", "P.", { bytes: 1 }),
  ], ["us data", "us retransmit"]],
  ["probes that are dropped, and the RST of the one who gives up", [
    lost(segment(10, "us", ".", { seq: 0 })),
    lost(segment(20, "us", ".", { seq: 0 })),
    lost(segment(30, "us", "R.")),
  ], ["us probe lost", "us probe lost", "us rst lost"]],
  ["a probe of the peer", [segment(10, "peer", ".", { seq: 0 }), segment(11, "us", ".")], [
    "peer probe",
    "us ack",
  ]],
  ["a probe of a window that is zero", [
    hello,
    segment(11, "peer", ".", { ack: 401, window: 0 }),
    segment(20, "us", ".", { seq: 400 }),
    segment(21, "peer", ".", { ack: 401, window: 0 }),
    segment(30, "peer", ".", { ack: 401, window: 9 }),
    segment(40, "us", "P.", { seq: 401, bytes: 10 }),
  ], ["us data", "peer ack", "us window probe", "peer ack", "peer ack", "us data"]],
  ["a lost window update is not known to the one who probes", [
    hello,
    segment(11, "peer", ".", { ack: 401, window: 0 }),
    lost(segment(15, "peer", ".", { ack: 401, window: 9 })),
    segment(20, "us", ".", { seq: 400 }),
  ], ["us data", "peer ack", "peer ack lost", "us window probe"]],
  ["a retransmission, whole, in part and with new data behind it", [
    lost(hello),
    lost(segment(210, "us", "P.", { bytes: 400 })),
    lost(segment(610, "us", ".", { bytes: 100 })),
    segment(1410, "us", "P.", { bytes: 500 }),
  ], ["us data lost", "us retransmit lost", "us retransmit lost", "us data"]],
  ["a FIN, and the FIN again", [
    lost(segment(10, "us", "F.")),
    segment(20, "us", "F."),
    segment(21, "peer", ".", { ack: 2 }),
    segment(22, "peer", "F.", { ack: 2 }),
    segment(23, "us", ".", { seq: 2, ack: 2 }),
  ], ["us fin lost", "us retransmit", "peer ack", "peer fin", "us ack"]],
  ["an RST of the peer, and an ICMP message", [
    segment(10, "us", ".", { seq: 0 }),
    segment(11, "peer", "", { icmp: "host unreachable" }),
    segment(20, "peer", "R"),
  ], ["us probe", "peer icmp", "peer rst"]],
];

for (const [name, rows, expected] of ROWS) {
  test(`timeline: ${name}`, () => assertEquals(kinds(rows), expected));
}

test("timeline: SYNs that nobody answers", () => {
  const sent = [0, 1000, 3000].map((at) => segment(at, "us", "S", { seq: 0 }));
  const found = eventsOf(sent, [], 0).map(({ kind, delivered }) => ({ kind, delivered }));
  assertEquals(found, [
    { kind: "syn", delivered: false },
    { kind: "retransmit", delivered: false },
    { kind: "retransmit", delivered: false },
  ]);
});

test("timeline: one that arrived answers for one", () => {
  const ours = [...HANDSHAKE, { ...hello, id: 1 }, { ...hello, at: 30, id: 2 }];
  const theirs = [...HANDSHAKE, { ...hello, at: 30.1, id: 2 }].map((row) => ({ ...row }));
  assertEquals(eventsOf(ours, theirs, 0).slice(3).map(({ delivered }) => delivered), [false, true]);
  const twice = [...HANDSHAKE, hello, { ...hello, at: 12 }];
  assertEquals(eventsOf(twice, [...HANDSHAKE, hello], 0).slice(3).map(({ delivered }) => delivered), [
    true,
    false,
  ]);
});

test("timeline: a segment that was cut or joined on the way has arrived", () => {
  const parts = [segment(10, "us", ".", { bytes: 100 }), segment(10, "us", "P.", { seq: 101, bytes: 300 })];
  const delivered = (ours: Segment[], theirs: Segment[]) =>
    eventsOf([...HANDSHAKE, ...ours], [...HANDSHAKE, ...theirs], 0).slice(3).map((event) => event.delivered);
  assertEquals(delivered([hello], parts), [true]);
  assertEquals(delivered(parts, [hello]), [true, true]);
});

test("timeline: times count from t0, which the last segment that came to us before the cut gives", () => {
  const ours = [
    ...HANDSHAKE,
    segment(40, "peer", "."),
    segment(50, "peer", "", { icmp: "host unreachable" }),
    segment(60, "peer", "R"),
  ];
  assertEquals(lastArrival(ours), 60);
  assertEquals(lastArrival(ours, 55), 40);
  assertEquals(lastArrival([]), undefined);
  assertEquals(eventsOf(ours, [], 40).map(({ at }) => at), [-40, -39, -38, 0, 10, 20]);
});

test("timeline: a flow becomes one event, probes stay as they are", () => {
  const flow = (kind: Kind, at: number) => ({ at, from: "us" as const, kind, delivered: true, bytes: 10 });
  assertEquals(joined([flow("data", 0), flow("data", 5), flow("data", 12), flow("data", 40)], 10), [
    { ...flow("data", 0), bytes: 30, segments: 3, until: 12 },
    flow("data", 40),
  ]);
  const twice = joined(
    joined([flow("data", 0), flow("data", 5), flow("data", 20), flow("data", 24)], 10),
    20,
  );
  assertEquals(twice, [{ ...flow("data", 0), bytes: 40, segments: 4, until: 24 }]);
  assertEquals(joined([flow("probe", 0), flow("probe", 1)], 10).length, 2);
});
