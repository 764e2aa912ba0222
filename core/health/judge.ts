/**
 * Whether a peer is suspected: from what was known before, one look at the
 * connection, and the time. Pure.
 *
 * A busy connection has segments in flight, and loses one now and then; an
 * idle one has a probe under way from time to time. Neither is a suspicion.
 * So a probe must have been without an answer for as long as a retransmission
 * would wait, and retransmissions or window probes must have been in vain
 * twice, and for {@link PATIENCE} in all.
 *
 * @module
 */
import type { KeepAliveStatus, Suspicion } from "../types.ts";
import type { Vitals } from "./vitals.ts";

/** What is known of one connection. Times are milliseconds of a clock that never jumps. */
export interface Pulse {
  /** Absent: all is well. */
  readonly trouble?: Suspicion;
  /** Whether it is certain enough to be told. */
  readonly sure: boolean;
  /** When the trouble began. */
  readonly since: number;
  /** When it was first seen. */
  readonly seen: number;
  /** When it is worth another look, before the next regular one; `Infinity` when it is not. */
  readonly again: number;
}

/** All is well: one object for all connections, since nearly all are. */
export const WELL: Pulse = { sure: false, since: 0, seen: 0, again: Infinity };

/** Milliseconds for which retransmissions and window probes must be in vain: shorter pauses are everyday life. */
export const PATIENCE = 1_000;

/** Milliseconds between the looks at a connection in doubt, at least; also the kernel's own TCP_RTO_MIN. */
const GLANCE = 200;

/** Milliseconds that two readings of one moment may lie apart: the kernel counts in jiffies, and we may be held up between. */
const BLUR = 150;

/** TCP_RTO_MAX in milliseconds (include/net/tcp.h). */
const RTO_MAX = 120_000;

/** What is known after a look; the same object when nothing has changed. */
export function judge(before: Pulse, vitals: Vitals, now: number): Pulse {
  // The kernel has given up, and has wiped its counters: that is told by `closed`.
  if (vitals.state === "CLOSE" || vitals.state === "TIME_WAIT") return before;
  const trouble = troubleOf(vitals);
  if (before.sure) return afterSuspicion(before, trouble, vitals, now);
  if (trouble === undefined) return WELL;
  return withTrouble(before, trouble, vitals, now);
}

function afterSuspicion(
  before: Pulse,
  trouble: Suspicion | undefined,
  vitals: Vitals,
  now: number,
): Pulse {
  if (trouble !== undefined && trouble !== before.trouble) {
    const other = withTrouble(WELL, trouble, vitals, now);
    // It is one and the same silence, whatever shows it.
    if (other.sure) return { ...other, since: Math.min(before.since, other.since) };
    // Not yet clear what it has become.
    return before;
  }
  return lasts(before.trouble!, vitals) ? before : WELL; // what is sure has a trouble
}

/** Whether what was suspected still is: each ends only by a sign of life. */
function lasts(trouble: Suspicion, vitals: Vitals): boolean {
  switch (trouble) {
    case "probes":
      // Any acknowledgement sets it to 0 (tcp_ack); writing does not.
      return vitals.probes > 0;
    case "retransmits":
      return vitals.retransmits > 0;
    case "zeroWindow":
      return vitals.notsentBytes > 0 && vitals.backoff > 0 && isClosed(vitals);
  }
}

function troubleOf(vitals: Vitals): Suspicion | undefined {
  // Keepalive is suspended while anything is in flight or waits (tcp_keepalive_timer).
  if (vitals.unacked > 0) return vitals.retransmits > 0 ? "retransmits" : undefined;
  if (vitals.notsentBytes > 0) return vitals.backoff > 0 && isClosed(vitals) ? "zeroWindow" : undefined;
  return vitals.probes > 0 ? "probes" : undefined;
}

/** A window of less than a segment counts: the kernel waits for more, and probes meanwhile. */
function isClosed({ sndWnd, sndMss }: Vitals): boolean {
  return sndWnd < sndMss;
}

function withTrouble(before: Pulse, trouble: Suspicion, vitals: Vitals, now: number): Pulse {
  const since = now - ageOf(trouble, vitals);
  const same = before.trouble === trouble && since <= before.since + BLUR;
  const seen = same ? before.seen : now;
  const begun = same ? before.since : since;
  const wait = Math.max(vitals.rto, GLANCE);
  const sure = trouble === "probes" ? same && now - seen >= wait : isInVain(trouble, vitals);
  const again = sure ? Infinity : trouble === "probes" ? seen + wait : now + GLANCE;
  return { trouble, sure, since: begun, seen, again };
}

function isInVain(trouble: Suspicion, vitals: Vitals): boolean {
  if (trouble === "retransmits") {
    return vitals.retransmits >= 2 && ageOf(trouble, vitals) >= PATIENCE;
  }
  return vitals.backoff >= 2 && waited(probeBase(vitals), vitals.backoff) >= PATIENCE;
}

/** How long the trouble has lasted: milliseconds. */
export function ageOf(trouble: Suspicion, vitals: Vitals): number {
  switch (trouble) {
    case "probes":
      return vitals.silence;
    case "retransmits":
      return waited(firstTimeout(vitals), vitals.retransmits) + vitals.lastDataSent;
    case "zeroWindow":
      // The last data went out before the window closed; and the next probe is not due yet.
      return Math.min(vitals.lastDataSent, waited(probeBase(vitals), vitals.backoff + 1));
  }
}

/**
 * Milliseconds until the kernel gives up; `undefined` where that is not
 * bounded.
 *
 * @param status What holds for the connection.
 */
export function givesUpIn(
  trouble: Suspicion,
  vitals: Vitals,
  { userTimeout = 0, detectsWithin }: Pick<KeepAliveStatus, "userTimeout" | "detectsWithin">,
): number | undefined {
  const { idle, inFlight, zeroWindow } = detectsWithin;
  const left = (limit: number | undefined, passed: number) =>
    limit === undefined ? undefined : Math.max(0, limit - passed);
  switch (trouble) {
    case "probes":
      return left(idle, vitals.silence);
    case "retransmits":
      return left(inFlight, Math.min(ageOf(trouble, vitals), vitals.silence));
    case "zeroWindow":
      if (userTimeout > 0) return left(zeroWindow, ageOf(trouble, vitals));
      // Who answers is never given up. One probe may be under way.
      return vitals.probes > 1 ? left(zeroWindow, vitals.silence) : undefined;
  }
}

/** The retransmission timeout before it was doubled. */
function firstTimeout({ rto, backoff }: Vitals): number {
  const first = rto / 2 ** backoff;
  // At its limit it says nothing more of how it began.
  return rto < RTO_MAX ? first : Math.max(first, GLANCE);
}

/** What a window probe waits for at first; it is doubled without changing the timeout (tcp_probe0_when). */
function probeBase({ rto }: Vitals): number {
  return Math.max(rto, GLANCE);
}

/** How long `times` timeouts take, each twice the one before. */
function waited(first: number, times: number): number {
  let sum = 0;
  for (let i = 0; i < times; i++) sum += Math.min(first * 2 ** i, RTO_MAX);
  return sum;
}
