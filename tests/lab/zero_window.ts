/**
 * A peer that closes its window: what the scenarios about it have in common.
 *
 * @module
 */

import type { Evidence } from "./cases.ts";
import type { Stage } from "./stage.ts";

/** `SO_RCVBUF` of the peer: it closes its window after a few kilobytes. */
export const SMALL_BUFFER = 4_096;
/** More than both kernels take while the peer does not read. */
export const TOO_MUCH = 1_000_000;
const CLOSING = 500;

/** Writes until the window is closed; the write stays pending. */
export async function closeWindow({ us, wait }: Stage): Promise<void> {
  await us("hold", { what: "write", bytes: TOO_MUCH });
  await wait(CLOSING);
}

/** When the window closed for the last time: the clock of a user timeout. Data waited for it, all the time. */
export function windowClosed({ ours }: Pick<Evidence, "ours">): number | undefined {
  const told = ours.filter(({ from, icmp }) => from === "peer" && icmp === undefined);
  return told[told.findLastIndex(({ window }) => window > 0) + 1]?.at;
}

/** Probes of a closed window: what we sent after it closed. */
export function windowProbes(run: Evidence): { at: number; bytes: number }[] {
  const from = windowClosed(run) ?? Infinity;
  return run.ours.filter(({ from: who, at, flags }) => who === "us" && at > from && !flags.includes("R"));
}
