/**
 * How a run is judged: its row, the clock, and the shape of errors.
 *
 * @module
 */

import { SocketError, type SocketErrorFields } from "../../core/errors.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import type { Captured } from "./capture.ts";
import { type Clock, type Death, type Evidence, isWithin, type Refusal } from "./cases.ts";
import type { Dialled, ErrorData } from "./stage.ts";
import { lastArrival } from "./timeline.ts";

/** What one case came to on one runtime. Durations are milliseconds. */
export interface Row {
  scenario: number;
  case: string;
  side: string;
  runtime: string;
  version: string;
  options: Record<string, unknown>;
  /** By the library, beforehand; absent where nothing is to die. */
  predicted?: number;
  /** From the clock's start to the rejection of `closed`. */
  measured?: number;
  code?: string;
  /** From the clock's start to the first `suspect` of `watchHealth`. */
  suspectAt?: number;
  /** How old the last received segment was when the path was cut. */
  lastReceivedToCut?: number;
  /** From the kernel's knowing to the rejection of `closed`; to 100 ms where no RST tells when that was. */
  toldAfter?: number;
  /** Figures of the case's own. */
  notes: Record<string, unknown>;
  /** What did not hold, one line each. */
  wrong: string[];
  passed: boolean;
}

/** `closed` rejects at most so long after the kernel knows (DESIGN, section 3). */
const TOLD_WITHIN = 1_000;

/** Holds the death against what was predicted; `kernelAt`: when the kernel listed the socket no more. */
export function judgeDeath(expect: Death, evidence: Evidence, kernelAt: number | undefined, row: Row): void {
  const { ours, cutAt } = evidence;
  const diedAt = evidence.diedAt!;
  const t0 = moment(expect.from ?? "last received", evidence);
  if (t0 === undefined) {
    row.wrong.push(
      `the capture does not tell when the clock starts (${String(expect.from ?? "last received")})`,
    );
    return;
  }
  row.measured = round(diedAt - t0);
  if (!isWithin(row.measured, row.predicted!)) {
    row.wrong.push(`it took ${row.measured} ms where ${row.predicted} ms were predicted`);
  }
  if (cutAt !== undefined) {
    if (diedAt < cutAt) row.wrong.push("it died before the path was cut");
    row.lastReceivedToCut = round(cutAt - (lastArrival(ours, cutAt) ?? NaN));
  }
  // The kernel says goodbye with a RST when keepalive gives up; when data gave up it only forgets the socket.
  const reset = ours.find(({ from, flags, at }) =>
    from === "us" && flags.includes("R") && at > (cutAt ?? t0)
  );
  const known = reset?.at ?? kernelAt;
  if (known !== undefined) {
    row.toldAfter = round(Math.max(0, diedAt - known));
    if (row.toldAfter > TOLD_WITHIN) {
      row.wrong.push(`closed rejected ${row.toldAfter} ms after the kernel knew`);
    }
  }
  const suspect = evidence.health.find(({ type, at }) => type === "suspect" && at >= (cutAt ?? t0));
  if (suspect) row.suspectAt = round(suspect.at - t0);
}

/** Holds a dial that had to fail against what was due. */
export function judgeRefusal(dialled: Dialled | undefined, expect: Refusal, row: Row): void {
  row.predicted = expect.within;
  if (dialled?.error === undefined) {
    row.wrong.push("it connected, or did not try");
    return;
  }
  const { error } = dialled;
  row.measured = round(dialled.at - dialled.begun);
  // A DOMException has a number for a code.
  row.code = typeof error.code === "string" ? error.code : error.name;
  if (!isWithin(row.measured, expect.within)) {
    row.wrong.push(`it took ${row.measured} ms where ${expect.within} ms were due`);
  }
  if ("name" in expect.error) {
    if (error.name !== expect.error.name) row.wrong.push(`it failed with ${error.text}`);
    return;
  }
  const code = [expect.error.code].flat().find((each) => each === error.code) ??
    [expect.error.code].flat()[0];
  row.wrong.push(...errorProblems(error, { code, op: ["connect"] }));
}

/** What the one shape check of the suite says against the error. */
export function errorProblems(
  data: ErrorData,
  expected: {
    code: string;
    op: string[];
    localAddress?: SocketErrorFields["localAddress"];
    remoteAddress?: SocketErrorFields["remoteAddress"];
  },
): string[] {
  const classes = ["SocketError", "TypeError", "Error", "Object"];
  if (data.classes.join() !== classes.join()) return [`the error is no SocketError: ${data.text}`];
  // The same shape again, out of what came through the pipe: classes are compared above.
  const { code, op, localAddress, remoteAddress, cause } = data;
  const fields = {
    code,
    op,
    localAddress,
    remoteAddress,
    cause: cause?.isError ? new Error(cause.message) : cause,
  };
  const error = new SocketError(data.message ?? "", fields as SocketErrorFields);
  error.name = data.name ?? "";
  try {
    checkSocketError(error, expected);
    return [];
  } catch (problem) {
    return [problem instanceof Error ? problem.message : String(problem)];
  }
}

/** The moment that a clock names. */
export function moment(clock: Clock, evidence: Evidence): number | undefined {
  if (typeof clock === "function") return clock(evidence);
  const { ours, diedAt } = evidence;
  if (clock === "last received") return lastArrival(ours, diedAt);
  const sent = unacknowledged(evidence);
  return clock === "first sent" ? sent[0]?.at : sent[1]?.at;
}

/** The first segment of ours that was never acknowledged, and what was sent again of it. */
function unacknowledged({ ours }: Evidence): Captured[] {
  const acked = ours.filter(({ from, flags }) => from === "peer" && flags.includes(".")).at(-1)?.ack;
  const isNew = ({ from, bytes, flags, seq }: Captured) =>
    from === "us" && (bytes > 0 || flags.includes("F")) && (acked === undefined || ((seq - acked) | 0) >= 0);
  const first = ours.find(isNew);
  return first === undefined ? [] : ours.filter((each) => isNew(each) && each.seq === first.seq);
}

/** To a tenth of a millisecond. */
export function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
