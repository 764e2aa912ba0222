/**
 * What the demo compares: data only.
 *
 * @module
 */

import type { RuntimeName } from "../runtimes.ts";

/** What is asked of every connection, in keepwire's words. */
export const ASKED = { enabled: true, idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 } as const;

/** One program to be run on one runtime, and what it shows. */
export interface Program {
  runtime: RuntimeName;
  /** Whose call it makes. */
  by: "plain" | "keepwire";
  /** How it differs from the row above it. */
  variant?: string;
  /** The file in `scripts/demo/` and its arguments; `LIBRARY` is where keepwire lies. */
  script: readonly string[];
  flags: readonly string[];
  /** Where the library lies: the sources, the built package, or a copy of it where koffi is not found. */
  library?: "source" | "built" | "withoutKoffi";
  /** Whether the four values cannot be held there, which keepwire has to say. */
  refuses?: boolean;
}

const NODES = ["node20", "node22", "node24", "node26"] as const;
const BY_KEEPWIRE = { by: "keepwire", script: ["keepwire.mjs", "LIBRARY"] } as const;
const DENO_FLAGS = ["--no-prompt", "--no-config", "--allow-net", "--allow-read"];

export const PROGRAMS: readonly Program[] = [
  ...NODES.flatMap((runtime): Program[] => [
    { runtime, by: "plain", script: ["plain_node.mjs"], flags: [] },
    { runtime, ...BY_KEEPWIRE, flags: [], library: "built" },
    // Node 26 has FFI of its own.
    ...(runtime === "node26" ? [] : [
      {
        runtime,
        ...BY_KEEPWIRE,
        variant: "without koffi",
        flags: [],
        library: "withoutKoffi",
        refuses: true,
      } as const,
    ]),
  ]),
  { runtime: "deno", by: "plain", script: ["plain_deno.mjs"], flags: DENO_FLAGS },
  { runtime: "deno", ...BY_KEEPWIRE, flags: [...DENO_FLAGS, "--allow-ffi"], library: "source" },
  {
    runtime: "deno",
    by: "plain",
    variant: "with an object",
    script: ["plain_deno.mjs", "object"],
    flags: DENO_FLAGS,
  },
  {
    runtime: "deno",
    ...BY_KEEPWIRE,
    variant: "without FFI",
    flags: DENO_FLAGS,
    library: "source",
    refuses: true,
  },
  { runtime: "bun", by: "plain", script: ["plain_bun.mjs"], flags: [] },
  { runtime: "bun", ...BY_KEEPWIRE, flags: [], library: "built" },
];

/** By what keepwire reaches the kernel in the rows above. */
export const REACH: Readonly<Record<RuntimeName, string>> = {
  node20: "koffi",
  node22: "koffi",
  node24: "koffi",
  node2418: "koffi",
  node26: "node:ffi",
  deno: "--allow-ffi",
  bun: "bun:ffi",
  bun13: "bun:ffi",
};

/** The calls that the plain rows make. */
export const PLAIN_CALLS: readonly string[] = [
  "Node   socket.setKeepAlive(true, 10_000, 5_000, 3)",
  "Deno   conn.setKeepAlive(true); with an object: { time: 10_000, interval: 5_000, retries: 3 }",
  "Bun    socket.setKeepAlive(true, 10_000)",
];
