/**
 * What two captures of one connection say, as events along time: one capture
 * taken at our host, one at the peer's. Pure.
 *
 * @module
 */

/** One captured packet of a connection, as `capture.ts` reads it. */
export interface Segment {
  /** Milliseconds since the epoch. */
  at: number;
  from: "us" | "peer";
  /** `S`, `F`, `R`, `P`, and `.` for an ACK, as tcpdump prints them. */
  flags: string;
  /** Absolute, 32 bits. */
  seq: number;
  ack: number;
  /** As in the header: only 0 matters here. */
  window: number;
  /** Of payload. */
  bytes: number;
  /** IP's identification: tells a segment from its retransmission. */
  id?: number;
  /** An ICMP message about the connection: `host unreachable`. The numbers above mean nothing then. */
  icmp?: string;
}

/** What a segment is for. */
export type Kind =
  | "syn"
  | "data"
  | "ack"
  | "probe"
  | "window probe"
  | "retransmit"
  | "fin"
  | "rst"
  | "icmp";

/** One or more segments of a kind. */
export interface TimelineEvent {
  /** Milliseconds since the clock's start. */
  at: number;
  from: "us" | "peer";
  kind: Kind;
  /** Whether it came to the other end. */
  delivered: boolean;
  bytes: number;
  /** How many, where several close together are one event. */
  segments?: number;
  /** When the last of them was sent. */
  until?: number;
}

/** The drawing's data: a representative run of a scenario. */
export interface Timeline {
  scenario: number;
  title: string;
  runtime: string;
  /** When the path was cut; absent where nothing was. Several where it flapped. */
  cut?: number | { at: number; until?: number; what?: string }[];
  /** What `detectsWithin` said beforehand; absent where it is not bounded. */
  predicted?: number;
  events: TimelineEvent[];
  marks: { t0: 0; suspect?: number; dead?: number };
  /** The code of the death. */
  code?: string;
  /** What time 0 is, where it is not the last segment received. */
  zero?: string;
  /** What was set: `idle 1 s, interval 1 s, count 3`. */
  options?: string;
}

/** What a direction has sent and has been told. */
interface Side {
  /** After the last byte sent. */
  next?: number;
  /** The highest acknowledgement that came to it. */
  acked?: number;
  /** The other's window, by the last segment that came to it. */
  window?: number;
}

/** A segment of a direction may be as late as this at the other end: hosts of one machine. */
const LATEST = 50;

/**
 * The events of a connection, by time from `t0` on the captures' clock.
 *
 * @param ours Captured at our host: what we sent, and what came to us.
 * @param theirs Captured at the peer's host.
 */
export function eventsOf(ours: Segment[], theirs: Segment[], t0: number): TimelineEvent[] {
  const by = (list: Segment[], end: "us" | "peer") => list.filter(({ from }) => from === end);
  const came = new Set([
    ...matched(by(ours, "us"), by(theirs, "us")),
    ...matched(by(theirs, "peer"), by(ours, "peer")),
  ]);
  const seen = ours.map((segment) => ({ segment, delivered: segment.from === "peer" || came.has(segment) }));
  const lost = by(theirs, "peer").filter((segment) => !came.has(segment))
    .map((segment) => ({ segment, delivered: false }));
  const sides = { us: {} as Side, peer: {} as Side };
  return [...seen, ...lost]
    .sort((a, b) => a.segment.at - b.segment.at)
    .map(({ segment, delivered }) => {
      const { from, bytes } = segment;
      const kind = kindOf(segment, sides[from]);
      note(segment, delivered, sides);
      return { at: segment.at - t0, from, kind, delivered, bytes: segment.icmp === undefined ? bytes : 0 };
    });
}

/** What the segment is, given what its side has sent and heard before. */
function kindOf(segment: Segment, side: Side): Kind {
  const { flags, seq, bytes } = segment;
  if (segment.icmp !== undefined) return "icmp";
  if (flags.includes("R")) return "rst";
  const end = endOf(segment);
  const { next, acked } = side;
  if (next === undefined) return flags.includes("S") ? "syn" : plain(segment);
  const behind = after(next, seq);
  // A probe asks with a number the other end has acknowledged already (RFC 9293, 3.8.4), so that it must answer.
  const known = acked !== undefined && !after(end, acked) && behind;
  if (known && bytes <= 1 && !/[SF]/.test(flags)) return side.window === 0 ? "window probe" : "probe";
  if (end !== seq && !after(end, next)) return "retransmit";
  if (flags.includes("S")) return "syn";
  return plain(segment);
}

function plain({ flags, bytes }: Segment): Kind {
  if (flags.includes("F")) return "fin";
  return bytes > 0 ? "data" : "ack";
}

/** Keeps what the segment tells its sender's side, and the other's if it came there. */
function note(segment: Segment, delivered: boolean, sides: Record<"us" | "peer", Side>): void {
  if (segment.icmp !== undefined) return;
  const sender = sides[segment.from];
  const end = endOf(segment);
  if (sender.next === undefined || after(end, sender.next)) sender.next = end;
  if (!delivered || !segment.flags.includes(".")) return;
  const receiver = sides[segment.from === "us" ? "peer" : "us"];
  if (receiver.acked === undefined || after(segment.ack, receiver.acked)) receiver.acked = segment.ack;
  receiver.window = segment.window;
}

/** The sequence number after the segment: SYN and FIN count as one. */
function endOf({ flags, seq, bytes }: Segment): number {
  return (seq + bytes + (flags.includes("S") ? 1 : 0) + (flags.includes("F") ? 1 : 0)) >>> 0;
}

/** Whether `a` comes after `b`, in 32 bits that wrap. */
function after(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** Those of `sent` that are among `arrived`: each that arrived answers for the one sent nearest before it. */
function matched(sent: Segment[], arrived: Segment[]): Set<Segment> {
  const came = new Set<Segment>();
  const byKey = new Map<string, Segment[]>();
  for (const one of sent) byKey.set(keyOf(one), [...byKey.get(keyOf(one)) ?? [], one]);
  const unclaimed: Segment[] = [];
  for (const one of arrived) {
    const candidates = (byKey.get(keyOf(one)) ?? []).filter((each) => !came.has(each) && isNear(each, one));
    const nearest = candidates.sort((a, b) => Math.abs(a.at - one.at) - Math.abs(b.at - one.at))[0];
    if (nearest) came.add(nearest);
    else if (one.bytes > 0) unclaimed.push(one);
  }
  // Offloading cuts and joins segments on the way: then the first byte tells.
  unclaimed.sort((a, b) => a.at - b.at);
  for (const one of sent) {
    if (one.bytes === 0 || came.has(one)) continue;
    if (near(unclaimed, one.at).some((each) => isNear(one, each) && covers(each, one.seq))) came.add(one);
  }
  return came;
}

function isNear(sent: Segment, one: Segment): boolean {
  return one.at >= sent.at - 5 && one.at <= sent.at + LATEST;
}

function covers({ seq, bytes }: Segment, first: number): boolean {
  return !after(seq, first) && after((seq + bytes) >>> 0, first);
}

/** Those of a list in order of time that can be near `at`. */
function near(list: Segment[], at: number): Segment[] {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].at < at - 5) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < list.length && list[end].at <= at + LATEST) end++;
  return list.slice(low, end);
}

function keyOf({ flags, seq, ack, bytes, id, icmp }: Segment): string {
  return [flags, seq, ack, bytes, id ?? "", icmp ?? ""].join();
}

/**
 * The events with those of one kind that stand closer than `within`
 * milliseconds made into one, so that a flow of data is a line of the file.
 */
export function joined(events: TimelineEvent[], within: number): TimelineEvent[] {
  const out: TimelineEvent[] = [];
  const open = new Map<string, TimelineEvent>();
  for (const event of events) {
    const key = `${event.from} ${event.kind} ${event.delivered}`;
    const last = open.get(key);
    const ended = last?.until ?? last?.at ?? -Infinity;
    if (last !== undefined && event.at - ended < within && isFlow(event.kind)) {
      last.bytes += event.bytes;
      last.segments = (last.segments ?? 1) + (event.segments ?? 1);
      last.until = event.until ?? event.at;
      continue;
    }
    const copy = { ...event };
    out.push(copy);
    open.set(key, copy);
  }
  return out;
}

function isFlow(kind: Kind): boolean {
  return kind === "data" || kind === "ack" || kind === "retransmit";
}

/** When the last segment came to us before `before`, by the capture at our host. */
export function lastArrival(ours: Segment[], before = Infinity): number | undefined {
  return ours.findLast(({ from, icmp, at }) => from === "peer" && icmp === undefined && at < before)?.at;
}
