/**
 * What this runtime, version, operating system and permission set can do:
 * look-ups in the capability table.
 *
 * @module
 */
import type { Means } from "./keepalive/model.ts";
import { KERNEL_OPTIONS } from "./keepalive/plan.ts";
import {
  ENDINGS,
  FAILURE_HELP,
  FFI_HELP,
  type FfiProvider,
  NATIVE_OPTIONS,
  NO_FFI,
  type ReleaseRow,
  RELEASES,
  REUSE_PORT,
  UPGRADES,
} from "./tables/capability.ts";
import { TLS } from "./tables/tls_capability.ts";
import { sockoptNumbers } from "./tables/sockopt.ts";
import { hasTcpInfo } from "./tcp_info.ts";
import type { Capabilities, KernelName, OptionRoutes, Runtime } from "./types.ts";

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

/**
 * The row of a runtime's version. A pre-release counts as its release.
 *
 * @param version As the runtime gives it, with or without a leading `v`.
 */
export function releaseOf(runtime: Runtime, version: string): ReleaseRow {
  const row = RELEASES.find((row) => row.runtime === runtime && isWithin(version, row));
  // What cannot be read as a version is taken for the newest.
  return row ?? RELEASES.filter((row) => row.runtime === runtime).at(-1)!; // every runtime has rows
}

function isWithin(version: string, { from, below }: { from: string; below?: string }): boolean {
  return !isBelow(version, from) && (below === undefined || isBelow(version, below));
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

/** What `reusePort` needs: a newer version, or a flag that may have been given; `undefined` where it needs nothing. */
export function reusePortNeeds(runtime: Runtime, version: string): string | undefined {
  return REUSE_PORT.find((row) => row.runtime === runtime && isWithin(version, row))?.needs;
}

/** The options that `setsockopt(2)` by FFI can set and read here; none without FFI or numbers. */
export function ffiOptions({ os, arch, ffi }: Environment): KernelName[] {
  const numbers = ffi.available && !Object.hasOwn(NO_FFI, os) ? sockoptNumbers(os, arch) : undefined;
  return numbers ? KERNEL_OPTIONS.filter((name) => numbers[name]) : [];
}

/** By what this process sets options, for `planOptions`. */
export function meansFor(environment: Environment): Means {
  const { runtime, version } = environment;
  const hints: Means["hints"] = {};
  for (const name of KERNEL_OPTIONS) hints[name] = hintFor(name, environment);
  return {
    runtime: `${runtime} ${version.replace(/^v/, "")}`.trimEnd(),
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
  const routes = Object.fromEntries(KERNEL_OPTIONS.map((name) => {
    const ffi = byFfi.includes(name);
    const row: OptionRoutes = {
      set: ffi ? "ffi" : native.includes(name) ? "native" : "none",
      get: ffi ? "ffi" : "none",
    };
    if (!ffi) row.hint = hintFor(name, environment);
    return [name, row];
  })) as Capabilities["routes"]; // one entry for each of KERNEL_OPTIONS
  const readBack = byFfi.length > 0;
  return {
    runtime,
    version,
    os,
    routes,
    readBack,
    tcpInfo: tcpInfoRoute(environment),
    ...ENDINGS[runtime][readBack ? "ffi" : "plain"],
    tls: { ...TLS[runtime] },
  };
}

/** Whether TCP_INFO can be read, and what would help. */
function tcpInfoRoute(environment: Environment): Capabilities["tcpInfo"] {
  const { os, arch, ffi } = environment;
  const missing = !Object.hasOwn(NO_FFI, os) && sockoptNumbers(os, arch) && !hasTcpInfo(os);
  if (missing) return { get: "none", hint: `keepwire has no layout of TCP_INFO for ${os}` };
  if (ffi.available && ffiOptions(environment).length > 0) return { get: "ffi" };
  return { get: "none", hint: ffiHint(environment) };
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
