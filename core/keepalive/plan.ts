/**
 * From wishes and means to what is done to a socket. Every way to set the
 * options is a candidate: a set of values it leads to. The best one is taken:
 * fewest broken promises, then fewest wishes unmet, then the order below.
 *
 * @module
 */
import type { KernelName } from "../types.ts";
import { type FailureContext, unsupportedOption } from "../socket_error.ts";
import type { KernelValues, Means, NativeCall, NumericOption, Plan, Wish, Wishes } from "./model.ts";
import { DEFAULTS } from "./validate.ts";

/** The numeric options in the order in which they are set. */
export const NUMERIC_OPTIONS: readonly NumericOption[] = [
  "TCP_KEEPIDLE",
  "TCP_KEEPINTVL",
  "TCP_KEEPCNT",
  "TCP_USER_TIMEOUT",
];

/** All options, in the order in which `notApplied` and errors name them. */
export const KERNEL_OPTIONS: readonly KernelName[] = [
  "SO_KEEPALIVE",
  ...NUMERIC_OPTIONS,
];

/**
 * What Node's and Bun's own call sets besides TCP_KEEPIDLE: seconds between
 * probes, and their number (libuv, src/unix/tcp.c: `uv_tcp_keepalive`).
 */
export const FORCED = { TCP_KEEPINTVL: 1, TCP_KEEPCNT: 10 } as const;

/** One way to set the options. */
type Candidate = Pick<Plan, "route" | "steps" | "calls" | "held">;

interface Judged extends Candidate {
  broken: KernelName[];
  notApplied: KernelName[];
}

/**
 * Plans how to give a TCP socket what is wanted. Pure; nothing is touched.
 *
 * By FFI when it has all that is asked (one step an option, SO_KEEPALIVE
 * last), else by the runtime's own call. An explicit value outranks a default:
 * a default that would force a neighbour the caller named is left out and
 * stands in `notApplied`. Values that the runtime forces are in `held`.
 * SO_KEEPALIVE itself is never a promise: without means for it, it stands in
 * `notApplied`.
 *
 * @throws {UnsupportedOptionError} An explicit value cannot be held, unless `wishes.report`.
 */
export function planOptions(
  wishes: Wishes,
  means: Means,
  context: FailureContext,
): Plan {
  const byFfi = ffiCandidate(wishes, means);
  // Nothing is better than all of it, and mostly FFI has all of it.
  const best = byFfi?.notApplied.length === 0 ? byFfi : bestOf(byFfi, wishes, means);
  if (best.broken.length > 0 && !wishes.report) {
    throw refusal(best.broken, wishes, means, context);
  }
  const { route, steps, calls, held, notApplied } = best;
  return { route, steps, calls, held, notApplied };
}

function bestOf(byFfi: Judged | undefined, wishes: Wishes, means: Means): Judged {
  const others = nativeCandidates(wishes, means).map((candidate) => judge(candidate, wishes));
  return (byFfi ? [byFfi, ...others] : others).reduce((a, b) => (isBetter(b, a) ? b : a));
}

/** What a Unix socket stands for in messages. */
const UNIX_MEANS: Means = {
  runtime: "a Unix socket",
  native: "none",
  ffi: [],
  hint: "keepalive is for TCP only, leave keepAlive out or make it false",
};

/**
 * The plan for a Unix socket, which has no keepalive: nothing is done.
 * Defaults stand in `notApplied`, explicit numbers are refused.
 *
 * @throws {UnsupportedOptionError} An explicit number, unless `wishes.report`.
 */
export function unixPlan(wishes: Wishes, context: FailureContext): Plan {
  const plan = planOptions(wishes, UNIX_MEANS, context);
  const notApplied = wishes.enabled
    ? plan.notApplied
    : plan.notApplied.filter((name) => name !== "SO_KEEPALIVE");
  return { ...plan, held: { SO_KEEPALIVE: 0 }, notApplied };
}

/**
 * What of the wishes a socket with these values does not hold: for comparing
 * with what was read back. A value that is left alone counts as held.
 */
export function unmetBy(values: KernelValues, wishes: Wishes): KernelName[] {
  return KERNEL_OPTIONS.filter((name) => {
    const wish = wishOf(name, wishes);
    return wish.kind === "set" && values[name] !== wish.value;
  });
}

const SWITCH_ON: Wish = { kind: "set", value: 1, explicit: false };
const SWITCH_OFF: Wish = { kind: "set", value: 0, explicit: false };

function wishOf(name: KernelName, wishes: Wishes): Wish {
  if (name === "SO_KEEPALIVE") return wishes.enabled ? SWITCH_ON : SWITCH_OFF;
  return wishes.options[name];
}

/** The order of steps. */
const STEP_ORDER: readonly KernelName[] = [...NUMERIC_OPTIONS, "SO_KEEPALIVE"];

/** What FFI can set of what is asked. */
function ffiCandidate(wishes: Wishes, means: Means): Judged | undefined {
  if (!means.ffi.includes("SO_KEEPALIVE")) return undefined;
  const steps: Plan["steps"] = [];
  const held: KernelValues = {};
  for (const name of STEP_ORDER) {
    const wish = wishOf(name, wishes);
    if (wish.kind === "keep" || !means.ffi.includes(name)) continue;
    steps.push({ name, value: wish.value });
    held[name] = wish.value;
  }
  return judge({ route: "ffi", steps, calls: [], held }, wishes);
}

/** The runtime's own calls: with values where it takes some, and as a mere switch. */
function nativeCandidates(wishes: Wishes, means: Means): Candidate[] {
  const { native } = means;
  if (native === "none") {
    return [{ route: "none", steps: [], calls: [], held: {} }];
  }
  const candidates: Candidate[] = [];
  const values = native === "switch" ? undefined : timings(wishes, native);
  if (values) {
    const call: NativeCall = { enable: true, idleSeconds: values.TCP_KEEPIDLE };
    if (native === "all") {
      Object.assign(call, {
        intervalSeconds: values.TCP_KEEPINTVL,
        count: values.TCP_KEEPCNT,
      });
    }
    candidates.push(nativeCandidate(wishes, [call], values));
  }
  candidates.push(nativeCandidate(wishes, [], {}));
  return candidates;
}

function nativeCandidate(
  wishes: Wishes,
  withValues: NativeCall[],
  values: KernelValues,
): Candidate {
  // Switched off, the runtimes take no values: they are set while it is on, in the same tick.
  const calls = wishes.enabled && withValues.length > 0
    ? withValues
    : [...withValues, { enable: wishes.enabled }];
  return {
    route: "native",
    steps: [],
    calls,
    held: { ...values, SO_KEEPALIVE: wishes.enabled ? 1 : 0 },
  };
}

/**
 * The three values that the runtime's own call leads to, or `undefined` where
 * none of them is wanted. A neighbour that nobody asked for must be given too
 * (Node takes all three or drops them); it gets the default.
 */
function timings(
  wishes: Wishes,
  native: "idle" | "all",
): KernelValues | undefined {
  const of = (name: keyof typeof DEFAULTS): number => {
    const wish = wishes.options[name];
    return wish.kind === "set" ? wish.value : DEFAULTS[name];
  };
  const asked = NUMERIC_OPTIONS.some((name) =>
    name !== "TCP_USER_TIMEOUT" && wishes.options[name].kind === "set"
  );
  if (!asked) return undefined;
  const idle = { TCP_KEEPIDLE: of("TCP_KEEPIDLE") };
  if (native === "idle") return { ...idle, ...FORCED };
  return {
    ...idle,
    TCP_KEEPINTVL: of("TCP_KEEPINTVL"),
    TCP_KEEPCNT: of("TCP_KEEPCNT"),
  };
}

/** Which promises a candidate breaks, and what it leaves unmet (those included). */
function judge({ route, steps, calls, held }: Candidate, wishes: Wishes): Judged {
  const notApplied: KernelName[] = [];
  const broken: KernelName[] = [];
  for (const name of KERNEL_OPTIONS) {
    const wish = wishOf(name, wishes);
    const value = held[name];
    if (wish.kind === "keep" ? value === undefined : value === wish.value) continue;
    notApplied.push(name);
    if (wish.explicit) broken.push(name);
  }
  return { route, steps, calls, held, notApplied, broken };
}

function isBetter(a: Judged, b: Judged): boolean {
  if (a.broken.length !== b.broken.length) {
    return a.broken.length < b.broken.length;
  }
  return a.notApplied.length < b.notApplied.length;
}

function refusal(
  broken: KernelName[],
  wishes: Wishes,
  means: Means,
  context: FailureContext,
): Error {
  const toSet = broken.filter((name) => wishOf(name, wishes).kind === "set");
  const verb = toSet.length > 0 ? "set" : "leave alone";
  const options = toSet.length > 0 ? toSet : broken;
  const hints = options.map((name) => means.hints?.[name] ?? means.hint);
  // What helps one option alone is no help where another needs the rest: "A, or B" with "A" is "A".
  const hint = [...new Set(hints.filter((text) => !hints.some((other) => text.startsWith(`${other}, or `))))]
    .join("; ");
  return unsupportedOption(
    { verb, options, where: means.runtime, hint },
    context,
  );
}
