/**
 * The pinned TypeScript compiler, as an object. It is installed by
 * `runtimes.ts`, so its own types are not there when these scripts are checked.
 *
 * @module
 */

import { createRequire } from "node:module";
import { MODULES } from "./runtimes.ts";

// deno-lint-ignore no-explicit-any -- see above
export type TypeScript = any;

/** Loads the compiler from `.runtimes/`. */
export function loadTypeScript(): TypeScript {
  return createRequire(import.meta.url)(`${MODULES}typescript`);
}
