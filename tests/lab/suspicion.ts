/**
 * What `watchHealth` has to say while a peer dies: held against the captures.
 *
 * @module
 */

import type { Suspicion } from "../../mod.ts";
import type { Evidence } from "./cases.ts";
import { eventsOf, type Kind } from "./timeline.ts";

/** What the kernel sends in vain, by what is suspected then. */
const IN_VAIN: Record<Suspicion, Kind> = {
  probes: "probe",
  retransmits: "retransmit",
  zeroWindow: "window probe",
};

/**
 * Milliseconds from the first that was in vain: a look every 250 ms, and as
 * long as it takes to be sure. A probe must go without an answer for a
 * retransmission timeout, the others in vain for a second, and twice.
 */
const LATEST: Record<Suspicion, number> = { probes: 1_000, retransmits: 2_000, zeroWindow: 2_000 };

/**
 * A check of a case: the peer is suspected for `reason`, soon after the first
 * probe, retransmission or window probe that was in vain, before the death,
 * and the time that is left is right.
 */
export function suspected(reason: Suspicion): (run: Evidence) => string[] {
  return ({ ours, theirs, cutAt = 0, diedAt = Infinity, health }) => {
    const told = health.find(({ type }) => type === "suspect");
    if (told === undefined) return ["watchHealth told of no suspicion"];
    const wrong: string[] = [];
    if (told.reason !== reason) wrong.push(`suspected for ${told.reason}, not for ${reason}`);
    const first = eventsOf(ours, theirs, 0)
      .find(({ from, kind, at }) => from === "us" && kind === IN_VAIN[reason] && at > cutAt);
    if (first === undefined) return [...wrong, `the capture has no ${IN_VAIN[reason]} after the cut`];
    const after = Math.round(told.at - first.at);
    if (after < 0 || after > LATEST[reason]) {
      wrong.push(
        `suspected ${after} ms after the first ${IN_VAIN[reason]}, at most ${LATEST[reason]} is due`,
      );
    }
    if (told.at >= diedAt) wrong.push("suspected only when it was dead");
    // Who is told by a RST is told before.
    const isReset = ours.some(({ from, flags }) => from === "peer" && flags.includes("R"));
    const left = isReset ? undefined : told.givesUpIn as number | undefined;
    if (left !== undefined && diedAt < Infinity && Math.abs(diedAt - told.at - left) > 0.1 * left + 1_000) {
      wrong.push(`it was to be given up in ${Math.round(left)} ms, and was after ${diedAt - told.at}`);
    }
    return wrong;
  };
}

/** Several checks as one. */
export function allOf(...checks: ((run: Evidence) => string[])[]): (run: Evidence) => string[] {
  return (run) => checks.flatMap((check) => check(run));
}

/** A check of a case: nothing is ever suspected. */
export function neverSuspected({ health }: Evidence): string[] {
  return health.filter(({ type }) => type === "suspect")
    .map(({ reason, since, at }) => `suspected for ${reason}, since ${at - Number(since)} ms`);
}
