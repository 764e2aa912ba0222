/**
 * What the process under test can do, as needs of cases: by the library's own
 * capability table, so that a skip says what the table says.
 *
 * @module
 */
import { refusalToOpen } from "../../core/capability.ts";
import { capabilities } from "../../mod.ts";
import type { Need } from "./cases.ts";

/** All five options are set and read by FFI. */
export function needsFfi(): Need {
  const missing = Object.values(capabilities().routes)
    .find(({ set, get }) => set !== "ffi" || get !== "ffi");
  return { capability: "ffi", available: missing === undefined, because: missing?.hint };
}

/** Connections and listeners can be opened at all. */
export function needsOpening(): Need {
  const { runtime, version } = capabilities();
  const because = refusalToOpen(runtime, version);
  return { capability: "connect and listen", available: because === undefined, because };
}
