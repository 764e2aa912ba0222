/**
 * What each runtime, version, operating system and permission set can do.
 * Data, and the look-ups that read it.
 *
 * @module
 */
import type { Capabilities, KernelName, NoticesDeath, OptionRoutes, Runtime } from "../types.ts";
import type { Means, NativeAbility } from "../keepalive/model.ts";
import { sockoptNumbers } from "./sockopt.ts";

/** By what a runtime reaches the C library. */
export type FfiProvider = "node:ffi" | "koffi" | "deno" | "bun:ffi";

/** What was found out about FFI in this process. */
export interface FfiState {
  available: boolean;
  /** Which one is in use, or was tried last. */
  provider?: FfiProvider;
  /** The code of the error with which loading it failed. */
  failure?: string;
}

/** Where a process runs. */
export interface Environment {
  runtime: Runtime;
  version: string;
  /** As `osName` gives it. */
  os: string;
  arch: string;
  ffi: FfiState;
}

/** A range of versions of one runtime, and what its own API can do. */
export interface ReleaseRow {
  runtime: Runtime;
  /** First version of the range. */
  from: string;
  /** First version after it; absent: none yet. */
  below?: string;
  /** What its own setter can do. */
  native: NativeAbility;
  /** What gives FFI there: a key of {@link FFI_HELP}. */
  ffi: keyof typeof FFI_HELP;
  /** Why `connect` and `listen` are refused as a whole; absent: they are not. */
  refused?: string;
  /** Whether it is among the versions that are tested. */
  supported: boolean;
  source: string;
}

/** What would give FFI: `label` for tables, `help` for hints. */
export const FFI_HELP = {
  koffi: {
    label: "koffi",
    provider: "koffi",
    help: "install the package koffi (npm install koffi)",
    source: "https://koffi.dev",
  },
  nodeFlag: {
    label: "`node:ffi` with a flag, or koffi",
    provider: "node:ffi",
    help: "run node with --experimental-ffi, or install the package koffi (npm install koffi)",
    source: "https://nodejs.org/api/ffi.html",
  },
  nodeDefault: {
    label: "`node:ffi`, or koffi",
    provider: "node:ffi",
    help:
      "run node without --no-experimental-ffi (with --permission add --allow-ffi), or install the package koffi (npm install koffi)",
    source: "https://nodejs.org/api/ffi.html",
  },
  deno: {
    label: "`--allow-ffi`",
    provider: "deno",
    help: "run deno with --allow-ffi",
    source: "https://docs.deno.com/runtime/fundamentals/security/#ffi-(foreign-function-interface)",
  },
  bun: {
    label: "`bun:ffi`",
    provider: "bun:ffi",
    help: "let bun:ffi load the C library",
    source: "https://bun.com/docs/api/ffi",
  },
} as const satisfies Record<string, { label: string; provider: FfiProvider; help: string; source: string }>;

/** What helps against one code with which loading FFI failed, before all else. */
export const FAILURE_HELP: Readonly<Record<string, { help: string; source: string }>> = {
  ERR_DLOPEN_DISABLED: {
    help: "run node without --no-addons (with --permission add --allow-addons)",
    source: "https://nodejs.org/api/errors.html#err_dlopen_disabled",
  },
  ERR_ACCESS_DENIED: {
    help: "run node with --allow-ffi beside --permission",
    source: "https://nodejs.org/api/cli.html#--allow-ffi",
  },
};

const NODE_KEEPALIVE = "https://nodejs.org/api/net.html#socketsetkeepaliveenable-initialdelay-interval-count";
const NODE_INTERVAL = "https://github.com/nodejs/node/pull/63825";
const NODE_BUILTIN = "https://nodejs.org/api/process.html#processgetbuiltinmoduleid";
const DENO_KEEPALIVE = "https://github.com/denoland/deno/issues/35634";
const BUN_KEEPALIVE = "https://github.com/oven-sh/bun/pull/34269";

const NO_BUILTINS = "it has no process.getBuiltinModule; use Node 20.16, 22.3 or newer";
const BUN_1_3 = "it loses bytes that were received, and accepts wrong certificates; use Bun 1.4 or newer";

/** Versions in their order; each version is in exactly one row of its runtime. */
// deno-fmt-ignore -- a table is read by its columns
export const RELEASES: readonly ReleaseRow[] = [
  { runtime: "node", from: "0.0.0", below: "20.16.0", native: "idle", ffi: "koffi", refused: NO_BUILTINS, supported: false, source: NODE_BUILTIN },
  { runtime: "node", from: "20.16.0", below: "21.0.0", native: "idle", ffi: "koffi", supported: true, source: NODE_KEEPALIVE },
  { runtime: "node", from: "21.0.0", below: "22.3.0", native: "idle", ffi: "koffi", refused: NO_BUILTINS, supported: false, source: NODE_BUILTIN },
  { runtime: "node", from: "22.3.0", below: "23.0.0", native: "idle", ffi: "koffi", supported: true, source: NODE_KEEPALIVE },
  { runtime: "node", from: "23.0.0", below: "24.0.0", native: "idle", ffi: "koffi", supported: false, source: NODE_KEEPALIVE },
  { runtime: "node", from: "24.0.0", below: "24.19.0", native: "idle", ffi: "koffi", supported: true, source: NODE_KEEPALIVE },
  { runtime: "node", from: "24.19.0", below: "25.0.0", native: "all", ffi: "koffi", supported: true, source: NODE_INTERVAL },
  { runtime: "node", from: "25.0.0", below: "26.0.0", native: "idle", ffi: "koffi", supported: false, source: NODE_KEEPALIVE },
  { runtime: "node", from: "26.0.0", below: "26.1.0", native: "idle", ffi: "koffi", supported: true, source: NODE_KEEPALIVE },
  { runtime: "node", from: "26.1.0", below: "26.4.0", native: "idle", ffi: "nodeFlag", supported: true, source: NODE_KEEPALIVE },
  { runtime: "node", from: "26.4.0", below: "26.10.0", native: "all", ffi: "nodeFlag", supported: true, source: NODE_INTERVAL },
  { runtime: "node", from: "26.10.0", native: "all", ffi: "nodeDefault", supported: true, source: NODE_INTERVAL },
  { runtime: "deno", from: "0.0.0", below: "2.5.0", native: "switch", ffi: "deno", supported: false, source: DENO_KEEPALIVE },
  { runtime: "deno", from: "2.5.0", native: "switch", ffi: "deno", supported: true, source: DENO_KEEPALIVE },
  // Its setter takes milliseconds for seconds: only the switch can be trusted.
  { runtime: "bun", from: "0.0.0", below: "1.4.0", native: "switch", ffi: "bun", refused: BUN_1_3, supported: false, source: BUN_KEEPALIVE },
  { runtime: "bun", from: "1.4.0", native: "idle", ffi: "bun", supported: true, source: BUN_KEEPALIVE },
];

/** What a newer version would give natively, where the native ability is `idle`. */
export const UPGRADES: Readonly<
  Partial<Record<Runtime, { help: string; options: readonly KernelName[]; source: string }>>
> = {
  node: {
    help: "use Node 24.19, 26.4 or newer",
    options: ["TCP_KEEPINTVL", "TCP_KEEPCNT"],
    source: NODE_INTERVAL,
  },
};

/** Operating systems on which FFI reaches no socket, and why. */
export const NO_FFI: Readonly<Record<string, { why: string; source: string }>> = {
  windows: {
    why: "on windows no runtime gives the handle of a socket, so FFI cannot reach it",
    source: "https://docs.libuv.org/en/v1.x/handle.html#c.uv_fileno",
  },
  openbsd: {
    why: "openbsd has no keepalive times per socket",
    source:
      "https://github.com/golang/go/blob/0052a0f6810582a6e70f6aae542f42ed7a3d6b4b/src/net/tcpsockopt_openbsd.go",
  },
};

/** Operating systems on which the whole is tested; the others come from the tables and have not yet been run. */
export const TESTED_SYSTEMS: readonly string[] = ["linux"];

/** When death is noticed, and whether a reset can be sent, without and with FFI: measured. */
export const ENDINGS: Readonly<
  Record<Runtime, Record<"plain" | "ffi", { noticesDeath: NoticesDeath; reset: boolean }>>
> = {
  node: {
    plain: { noticesDeath: "whileReadAheadHasRoom", reset: true },
    ffi: { noticesDeath: "always", reset: true },
  },
  deno: {
    plain: { noticesDeath: "whileReadAheadHasRoom", reset: false },
    ffi: { noticesDeath: "always", reset: true },
  },
  bun: {
    plain: { noticesDeath: "always", reset: true },
    ffi: { noticesDeath: "always", reset: true },
  },
};

/** What is set by a native ability; the forced neighbours of `idle` are not. */
export const NATIVE_OPTIONS: Readonly<Record<NativeAbility, readonly KernelName[]>> = {
  none: [],
  switch: ["SO_KEEPALIVE"],
  idle: ["SO_KEEPALIVE", "TCP_KEEPIDLE"],
  all: ["SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"],
};

const OPTIONS: readonly KernelName[] = [
  "SO_KEEPALIVE",
  "TCP_KEEPIDLE",
  "TCP_KEEPINTVL",
  "TCP_KEEPCNT",
  "TCP_USER_TIMEOUT",
];

/**
 * The row of a runtime's version. A pre-release counts as its release.
 *
 * @param version As the runtime gives it, with or without a leading `v`.
 */
export function releaseOf(runtime: Runtime, version: string): ReleaseRow {
  const row = RELEASES.find((row) =>
    row.runtime === runtime && !isBelow(version, row.from) &&
    (row.below === undefined || isBelow(version, row.below))
  );
  // What cannot be read as a version is taken for the newest.
  return row ?? RELEASES.filter((row) => row.runtime === runtime).at(-1)!; // every runtime has rows
}

function isBelow(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.replace(/^v/, "").split(/[.+-]/, 3).map(Number));
  const differing = a.findIndex((part, index) => part !== b[index]);
  return differing >= 0 && a[differing] < b[differing];
}

/** Why `connect` and `listen` are refused as a whole on this version, or `undefined` where they are not. */
export function refusalToOpen(runtime: Runtime, version: string): string | undefined {
  return releaseOf(runtime, version).refused;
}

/** The options that `setsockopt(2)` by FFI can set and read here; none without FFI or numbers. */
export function ffiOptions({ os, arch, ffi }: Environment): KernelName[] {
  const numbers = ffi.available && !Object.hasOwn(NO_FFI, os) ? sockoptNumbers(os, arch) : undefined;
  return numbers ? OPTIONS.filter((name) => numbers[name]) : [];
}

/** By what this process sets options, for `planOptions`. */
export function meansFor(environment: Environment): Means {
  const { runtime, version } = environment;
  const hints: Means["hints"] = {};
  for (const name of OPTIONS) hints[name] = hintFor(name, environment);
  return {
    runtime: `${runtime} ${version.replace(/^v/, "")}`,
    native: releaseOf(runtime, version).native,
    ffi: ffiOptions(environment),
    hint: ffiHint(environment),
    hints,
  };
}

/** What this process can do, per option and by which way. */
export function capabilitiesFor(environment: Environment): Capabilities {
  const { runtime, os } = environment;
  const version = environment.version.replace(/^v/, "");
  const byFfi = ffiOptions(environment);
  const native = NATIVE_OPTIONS[releaseOf(runtime, version).native];
  const routes = Object.fromEntries(OPTIONS.map((name) => {
    const ffi = byFfi.includes(name);
    const row: OptionRoutes = {
      set: ffi ? "ffi" : native.includes(name) ? "native" : "none",
      get: ffi ? "ffi" : "none",
    };
    if (!ffi) row.hint = hintFor(name, environment);
    return [name, row];
  })) as Capabilities["routes"]; // one entry for each of OPTIONS
  const readBack = byFfi.length > 0;
  return { runtime, version, os, routes, readBack, ...ENDINGS[runtime][readBack ? "ffi" : "plain"] };
}

/** What would help to set or read one option. */
export function hintFor(name: KernelName, environment: Environment): string {
  const { runtime, version, os, arch } = environment;
  const upgrade = releaseOf(runtime, version).native === "idle" ? UPGRADES[runtime] : undefined;
  const numbers = sockoptNumbers(os, arch);
  const missing = numbers && !numbers[name] && !Object.hasOwn(NO_FFI, os);
  const hint = missing ? `${os} has no ${name}` : ffiHint(environment);
  return upgrade?.options.includes(name) ? `${hint}, or ${upgrade.help}` : hint;
}

function ffiHint({ runtime, version, os, arch, ffi }: Environment): string {
  if (Object.hasOwn(NO_FFI, os)) return NO_FFI[os].why;
  if (!sockoptNumbers(os, arch)) return `keepwire has no socket option numbers for ${os} on ${arch}`;
  const { help, provider } = FFI_HELP[releaseOf(runtime, version).ffi];
  if (ffi.failure === undefined) return help;
  const first = Object.hasOwn(FAILURE_HELP, ffi.failure) ? FAILURE_HELP[ffi.failure].help : help;
  return `${first} (${ffi.provider ?? provider} failed with ${ffi.failure})`;
}
