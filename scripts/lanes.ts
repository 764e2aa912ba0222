/**
 * The lanes: which runtime runs the conformance suite, in which format, with
 * which way to the kernel. Data only; `run_lane.ts` runs them.
 *
 * @module
 */

import type { RuntimeName } from "./runtimes.ts";

/** One configuration that the conformance suite runs in. */
export interface Lane {
  name: string;
  runtime: RuntimeName;
  /** Deno runs the sources, Node and Bun one half of the built package. */
  format: "source" | "esm" | "script";
  /** Whether koffi can be found from where the package lies. */
  koffi?: boolean;
  /** Flags of the runtime. */
  flags: string[];
  env?: Record<string, string>;
  /** What can be set there (tests/kit/means.ts); default everything. The tests compare. */
  ability?: "switch" | "idle" | "times" | "everything";
  /** Files of the suite, by the start of their name; default all. */
  files?: string[];
  /** Files it does without, by the start of their name. */
  without?: string[];
}

/** What must be seen without a way to the kernel: what is refused, what is asked, and that all else works. */
const WITHOUT_FFI = ["refusals", "ffi_free"];

const DENO_WITHOUT_FFI = [
  "--no-prompt",
  ...["net", "read", "write", "run", "env", "sys"].map((name) => `--allow-${name}`),
];

/** Everything but FFI and addons. */
const NODE_PERMISSIONS = [
  "--permission",
  "--allow-net",
  "--allow-fs-read=*",
  "--allow-fs-write=*",
  "--allow-child-process",
  "--allow-worker",
];

/** What moves many bytes, or takes its time, does so whatever the format of the package is: the ES modules show it. */
const ONCE_A_RUNTIME = [
  "bytes_bulk",
  "bytes_many",
  "bytes_pressure",
  "health",
  "node_stream_bytes",
  "streams_bulk",
  "tls_bytes",
];

const full: Lane[] = (["node20", "node22", "node24", "node26", "bun"] as const)
  .flatMap((runtime) =>
    (["esm", "script"] as const).map((format) => ({
      name: `${runtime} ${format}`,
      runtime,
      format,
      // Node 26 and Bun have FFI of their own.
      koffi: runtime !== "node26" && runtime !== "bun",
      flags: [],
      without: format === "script" ? ONCE_A_RUNTIME : [],
    }))
  );

const withoutKoffi: Lane[] = ([
  ["node20", "idle"],
  ["node22", "idle"],
  ["node2418", "idle"],
  ["node24", "times"],
] as const).map(([runtime, ability]) => ({
  name: `${runtime} without koffi`,
  runtime,
  format: "esm",
  flags: [],
  ability,
  // On Deno the workers of a cluster would have other permissions.
  files: [...WITHOUT_FFI, "cluster"],
}));

export const lanes: readonly Lane[] = [
  { name: "deno", runtime: "deno", format: "source", flags: ["-A"] },
  {
    name: "deno without ffi",
    runtime: "deno",
    format: "source",
    flags: DENO_WITHOUT_FFI,
    ability: "switch",
    files: WITHOUT_FFI,
  },
  ...full,
  ...withoutKoffi,
  {
    name: "node26 with permissions",
    runtime: "node26",
    format: "esm",
    flags: NODE_PERMISSIONS,
    ability: "times",
    files: WITHOUT_FFI,
  },
  {
    name: "node26 ffi off",
    runtime: "node26",
    format: "script",
    flags: ["--no-experimental-ffi"],
    ability: "times",
    files: WITHOUT_FFI,
  },
  {
    name: "bun without ffi",
    runtime: "bun",
    format: "esm",
    flags: [],
    // What the tests start by themselves inherits it.
    env: { BUN_OPTIONS: "--preload=./tests/kit/without_bun_ffi.ts" },
    ability: "idle",
    files: WITHOUT_FFI,
  },
  {
    name: "bun13",
    runtime: "bun13",
    format: "esm",
    flags: [],
    files: ["refusals"],
  },
];
