/**
 * What becomes of each keepalive option, by what a process can set: held,
 * reported or refused. Literal data.
 *
 * @module
 */
import type { KeepAlive, KernelName } from "../../mod.ts";
import type { Ability } from "../kit/means.ts";

/** Seconds, seconds, a count, milliseconds; `null`: as it was before. */
export type Values = [idle: number | null, interval: number | null, count: number | null, ut?: number | null];

/** Held as the values say, while `notApplied` names what was wanted and is not held. */
export interface Holding {
  enabled: boolean;
  values: Values;
  notApplied: KernelName[];
}

/** Refused, and what the error names. */
export interface Refusal {
  refused: KernelName[];
}

/** One wish, and its outcomes. */
export interface RefusalRow {
  keepAlive: boolean | KeepAlive;
  outcomes: Record<Ability, Holding | Refusal>;
}

const IDLE = "TCP_KEEPIDLE", INTERVAL = "TCP_KEEPINTVL", COUNT = "TCP_KEEPCNT", TIMEOUT = "TCP_USER_TIMEOUT";

const on = (values: Values, ...notApplied: KernelName[]): Holding => ({ enabled: true, values, notApplied });
const off = (values: Values, ...notApplied: KernelName[]): Holding => ({
  enabled: false,
  values,
  notApplied,
});
const no = (...refused: KernelName[]): Refusal => ({ refused });

const row = (
  keepAlive: boolean | KeepAlive,
  ...[aSwitch, idle, times, everything]: (Holding | Refusal)[]
): RefusalRow => ({ keepAlive, outcomes: { switch: aSwitch, idle, times, everything } });

const UNTOUCHED: Values = [null, null, null];
const DEFAULTS = [
  on(UNTOUCHED, IDLE, INTERVAL, COUNT),
  on([15, 1, 10], INTERVAL, COUNT),
  on([15, 15, 9]),
  on([15, 15, 9]),
];
const OFF = [off(UNTOUCHED), off(UNTOUCHED), off(UNTOUCHED), off(UNTOUCHED)];
const FOUR = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };

// deno-fmt-ignore -- a table is read by its columns: on and off only, idle too, all three times, everything
export const REFUSAL_ROWS: readonly RefusalRow[] = [
  row(true, ...DEFAULTS),
  row({}, ...DEFAULTS),
  row({ userTimeout: null }, ...DEFAULTS),
  row({ unsupported: "report" }, ...DEFAULTS),
  row(false, ...OFF),
  row({ enabled: false }, ...OFF),
  // One value.
  row({ idle: 5_000 }, no(IDLE), on([5, 1, 10], INTERVAL, COUNT), on([5, 15, 9]), on([5, 15, 9])),
  row({ idle: 1 }, no(IDLE), on([1, 1, 10], INTERVAL, COUNT), on([1, 15, 9]), on([1, 15, 9])),
  row({ idle: 1_001 }, no(IDLE), on([2, 1, 10], INTERVAL, COUNT), on([2, 15, 9]), on([2, 15, 9])),
  row({ idle: 32_767_000 }, no(IDLE), on([32_767, 1, 10], INTERVAL, COUNT), on([32_767, 15, 9]), on([32_767, 15, 9])),
  row({ interval: 3_000 }, no(INTERVAL), no(INTERVAL), on([15, 3, 9]), on([15, 3, 9])),
  row({ interval: 1 }, no(INTERVAL), on([15, 1, 10], COUNT), on([15, 1, 9]), on([15, 1, 9])),
  row({ count: 5 }, no(COUNT), no(COUNT), on([15, 15, 5]), on([15, 15, 5])),
  row({ count: 127 }, no(COUNT), no(COUNT), on([15, 15, 127]), on([15, 15, 127])),
  row({ userTimeout: 20_000 }, no(TIMEOUT), no(TIMEOUT), no(TIMEOUT), on([15, 15, 9, 20_000])),
  row({ userTimeout: 0 }, no(TIMEOUT), no(TIMEOUT), no(TIMEOUT), on([15, 15, 9, 0])),
  // Several.
  row(FOUR, no(IDLE, INTERVAL, COUNT, TIMEOUT), no(INTERVAL, COUNT, TIMEOUT), no(TIMEOUT), on([10, 5, 3, 20_000])),
  row({ idle: 10_000, interval: 5_000, count: 3 }, no(IDLE, INTERVAL, COUNT), no(INTERVAL, COUNT), on([10, 5, 3]), on([10, 5, 3])),
  // What a runtime would force anyway.
  row({ idle: 5_000, interval: 1_000, count: 10 }, no(IDLE, INTERVAL, COUNT), on([5, 1, 10]), on([5, 1, 10]), on([5, 1, 10])),
  row({ interval: 1_000, count: 10 }, no(INTERVAL, COUNT), on([15, 1, 10]), on([15, 1, 10]), on([15, 1, 10])),
  // What is to be left alone.
  row({ idle: null, interval: null, count: null }, on(UNTOUCHED), on(UNTOUCHED), on(UNTOUCHED), on(UNTOUCHED)),
  row({ idle: null }, on(UNTOUCHED, INTERVAL, COUNT), on(UNTOUCHED, INTERVAL, COUNT), on(UNTOUCHED, INTERVAL, COUNT), on([null, 15, 9])),
  row({ idle: 5_000, interval: null }, no(IDLE), no(INTERVAL), no(INTERVAL), on([5, null, 9])),
  row({ idle: 5_000, count: null }, no(IDLE), no(COUNT), no(COUNT), on([5, 15, null])),
  row({ idle: null, interval: 3_000 }, no(INTERVAL), no(INTERVAL), no(IDLE), on([null, 3, 9])),
  // Written, and left off.
  row({ enabled: false, idle: 5_000 }, no(IDLE), off([5, 1, 10], INTERVAL, COUNT), off([5, 15, 9], INTERVAL, COUNT), off([5, null, null])),
  row({ enabled: false, idle: 5_000, interval: 3_000, count: 4 }, no(IDLE, INTERVAL, COUNT), no(INTERVAL, COUNT), off([5, 3, 4]), off([5, 3, 4])),
  row({ enabled: false, userTimeout: 9_000 }, no(TIMEOUT), no(TIMEOUT), no(TIMEOUT), off([null, null, null, 9_000])),
  // Reported.
  row({ ...FOUR, unsupported: "report" }, on(UNTOUCHED, IDLE, INTERVAL, COUNT, TIMEOUT), on([10, 1, 10], INTERVAL, COUNT, TIMEOUT), on([10, 5, 3], TIMEOUT), on([10, 5, 3, 20_000])),
  row({ idle: 5_000, unsupported: "report" }, on(UNTOUCHED, IDLE, INTERVAL, COUNT), on([5, 1, 10], INTERVAL, COUNT), on([5, 15, 9]), on([5, 15, 9])),
  row({ interval: 3_000, unsupported: "report" }, on(UNTOUCHED, IDLE, INTERVAL, COUNT), on([15, 1, 10], INTERVAL, COUNT), on([15, 3, 9]), on([15, 3, 9])),
  row({ userTimeout: 9_000, unsupported: "report" }, on(UNTOUCHED, IDLE, INTERVAL, COUNT, TIMEOUT), on([15, 1, 10], INTERVAL, COUNT, TIMEOUT), on([15, 15, 9], TIMEOUT), on([15, 15, 9, 9_000])),
  row({ idle: 5_000, interval: null, unsupported: "report" }, on(UNTOUCHED, IDLE, COUNT), on([5, 1, 10], INTERVAL, COUNT), on([5, 15, 9], INTERVAL), on([5, null, 9])),
  row({ enabled: false, ...FOUR, unsupported: "report" }, off(UNTOUCHED, IDLE, INTERVAL, COUNT, TIMEOUT), off([10, 1, 10], INTERVAL, COUNT, TIMEOUT), off([10, 5, 3], TIMEOUT), off([10, 5, 3, 20_000])),
];
