/**
 * What passes between validation, planning and the adapters: wishes in kernel
 * units, the means a runtime has, and the plan that follows from both.
 *
 * @module
 */
import type { NativeAbility } from "../tables/names.ts";
import type { KernelName, Route } from "../types.ts";

export type { NativeAbility } from "../tables/names.ts";

/** The four options that carry a number. */
export type NumericOption = Exclude<KernelName, "SO_KEEPALIVE">;

/** Values by option, in kernel units: seconds, a count, milliseconds for TCP_USER_TIMEOUT, 0 or 1 for SO_KEEPALIVE. */
export type KernelValues = Partial<Record<KernelName, number>>;

/** What is wanted of one option. `explicit`: the caller said so, and it is a promise. */
export type Wish =
  | { kind: "set"; value: number; explicit: boolean }
  | { kind: "keep"; explicit: boolean };

/** What is wanted of a socket: validated, and rounded up to kernel units. */
export interface Wishes {
  enabled: boolean;
  options: Record<NumericOption, Wish>;
  /** `unsupported: "report"`: explicit values are best effort too. */
  report: boolean;
}

/** By what a process can set options. */
export interface Means {
  runtime: string;
  native: NativeAbility;
  /** Options that `setsockopt(2)` by FFI can set here; empty without FFI or on an OS without numbers. */
  ffi: readonly KernelName[];
  /** What would help where a route is missing. */
  hint: string;
  /** The same for single options, where it differs. */
  hints?: Partial<Record<KernelName, string>>;
}

/** One call of the runtime's own setter, in seconds. */
export interface NativeCall {
  enable: boolean;
  idleSeconds?: number;
  intervalSeconds?: number;
  count?: number;
}

/** What to do to a socket, and what is known to hold afterwards. */
export interface Plan {
  route: Route;
  /** `setsockopt` steps in their order, SO_KEEPALIVE last. Only with route `ffi`. */
  steps: { name: KernelName; value: number }[];
  /** Calls of the runtime's own setter in their order. Only with route `native`. */
  calls: NativeCall[];
  notApplied: KernelName[];
  /** What the socket holds afterwards as far as the plan says it: for where it cannot be read. */
  held: KernelValues;
}
