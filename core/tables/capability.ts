/**
 * What each runtime, version, operating system and permission set can do.
 * Data; `core/capability.ts` reads it.
 *
 * @module
 */
import type { KernelName, NativeAbility, NoticesDeath, Runtime } from "./names.ts";

/** By what a runtime reaches the C library. */
export type FfiProvider = "node:ffi" | "koffi" | "deno" | "bun:ffi" | "none";

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
  workerd: {
    label: "nothing",
    provider: "none",
    help: "workerd gives no way to socket options; leave keepAlive out, and send heartbeats in your protocol",
    source: "https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/",
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
const WORKERD_OPTIONS = "https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/#socketoptions";
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
  // It does not tell its version.
  { runtime: "workerd", from: "0.0.0", native: "none", ffi: "workerd", supported: true, source: WORKERD_OPTIONS },
];

const NODE_REUSE_PORT = "https://nodejs.org/api/net.html#serverlistenoptions-callback";
const DENO_REUSE_PORT = "https://docs.deno.com/api/deno/~/Deno.TcpListenOptions";
const NODE_WITH_REUSE_PORT = "Node 22.12, 23.1 or newer";

/** What a listener needs for `SO_REUSEPORT`; where there is no row, nothing. Older versions of Node ignore the option. */
// deno-fmt-ignore -- a table is read by its columns
export const REUSE_PORT: readonly { runtime: Runtime; from: string; below?: string; needs: string; source: string }[] = [
  { runtime: "node", from: "0.0.0", below: "22.12.0", needs: NODE_WITH_REUSE_PORT, source: NODE_REUSE_PORT },
  { runtime: "node", from: "23.0.0", below: "23.1.0", needs: NODE_WITH_REUSE_PORT, source: NODE_REUSE_PORT },
  { runtime: "deno", from: "0.0.0", needs: "Deno's flag --unstable-net", source: DENO_REUSE_PORT },
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
  workerd: {
    plain: { noticesDeath: "whileReadAheadHasRoom", reset: false },
    ffi: { noticesDeath: "whileReadAheadHasRoom", reset: false },
  },
};

/** What is set by a native ability; the forced neighbours of `idle` are not. */
export const NATIVE_OPTIONS: Readonly<Record<NativeAbility, readonly KernelName[]>> = {
  none: [],
  switch: ["SO_KEEPALIVE"],
  idle: ["SO_KEEPALIVE", "TCP_KEEPIDLE"],
  all: ["SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"],
};
