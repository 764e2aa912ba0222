/**
 * What the process under test can do, as needs of cases: by the library's own
 * capability table, so that a skip says what the table says.
 *
 * @module
 */
import { refusalToOpen } from "../../core/capability.ts";
import { capabilities, type KernelName } from "../../mod.ts";
import type { Need } from "./cases.ts";

/** All five options are set and read by FFI. */
export function needsFfi(): Need {
  const missing = Object.values(capabilities().routes)
    .find(({ set, get }) => set !== "ffi" || get !== "ffi");
  return { capability: "ffi", available: missing === undefined, because: missing?.hint };
}

/** Connections and listeners can be opened at all. */
export function needsOpening(): Need {
  const because = refusedAsAWhole();
  return { capability: "connect and listen", available: because === undefined, because };
}

/** What can be set here: on and off, the idle time too, all three times, or everything (by FFI). */
export type Ability = "switch" | "idle" | "times" | "everything";

/** Which options each ability can set, the least first. */
const ABILITIES: [Ability, KernelName[]][] = [
  ["switch", ["SO_KEEPALIVE"]],
  ["idle", ["SO_KEEPALIVE", "TCP_KEEPIDLE"]],
  ["times", ["SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"]],
  ["everything", ["SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"]],
];

/** What this process can set. @throws when that is none of the abilities. */
export function ability(): Ability {
  const { routes } = capabilities();
  const names = Object.entries(routes).filter(([, { set }]) => set !== "none").map(([name]) => name);
  const found = ABILITIES.find(([, options]) => options.join() === names.join());
  if (!found) throw new Error(`nobody knows an ability to set ${names.join(", ") || "nothing"}`);
  return found[0];
}

/** Why connections and listeners are refused as a whole here, if they are. */
export function refusedAsAWhole(): string | undefined {
  const { runtime, version } = capabilities();
  return refusalToOpen(runtime, version);
}
