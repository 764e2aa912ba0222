/**
 * What the cases about refusals have in common.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { CaseContext } from "../kit/cases.ts";
import { type Ability, ability } from "../kit/means.ts";
import { type Ends, type HeldSocket, inLibraryUnits } from "../kit/oracle.ts";
import type { KeepAliveStatus } from "../../mod.ts";
import type { Holding } from "./refusal_rows.ts";

/** A hint helps when it names a flag, a version, or a package. */
export const HELP =
  /--allow-ffi|--no-experimental-ffi|--allow-addons|install the package koffi|bun:ffi|Node 24\.19/;

/** What the kernel holds that concerns keepalive. */
export type Held = Pick<HeldSocket, "keepalive" | "keepidle" | "keepintvl" | "keepcnt" | "usertimeout">;

/** What the system gives a socket that nobody has set: of another process, which has nothing of the library. */
export async function untouched({ oracle, peer }: CaseContext): Promise<Held> {
  const { address } = await peer.listen();
  return await oracle.of(peer.pid).readListener(address);
}

/** What a socket must hold that held `before`. */
export function expected({ enabled, values }: Holding, before: Held): Held {
  const [idle, interval, count, userTimeout] = values;
  return {
    keepalive: enabled,
    keepidle: idle ?? before.keepidle,
    keepintvl: interval ?? before.keepintvl,
    keepcnt: count ?? before.keepcnt,
    usertimeout: userTimeout ?? before.usertimeout,
  };
}

/** Asserts that the kernel holds what it must, and that the status says so. */
export async function checkHolding(
  { oracle }: CaseContext,
  holding: Holding,
  before: Held,
  ends: Ends,
  status: KeepAliveStatus,
): Promise<void> {
  const held = await oracle.read(ends.localAddress, ends.remoteAddress);
  checkValues(held, expected(holding, before));
  checkStatus(status, holding, held);
}

/** Asserts that these are the values. */
export function checkValues(held: Held, wanted: Held): void {
  const { keepalive, keepidle, keepintvl, keepcnt, usertimeout } = held;
  assertEquals<unknown>({ keepalive, keepidle, keepintvl, keepcnt, usertimeout }, {
    keepalive: wanted.keepalive,
    keepidle: wanted.keepidle,
    keepintvl: wanted.keepintvl,
    keepcnt: wanted.keepcnt,
    usertimeout: wanted.usertimeout,
  });
}

/** By which way a status says that values were set. */
const ROUTES: Record<Ability, string> = {
  switch: "native",
  idle: "native",
  times: "native",
  everything: "ffi",
};

/** Asserts that a status says what the kernel holds, all of it where it can be read, else what was handed over. */
export function checkStatus(status: KeepAliveStatus, holding: Holding, held: HeldSocket): void {
  const { source, route, notApplied, detectsWithin: _, ...values } = status;
  const readable = ability() === "everything";
  assertEquals({ source, route, notApplied }, {
    source: readable ? "kernel" : "requested",
    route: ROUTES[ability()],
    notApplied: holding.notApplied,
  });
  const [idle, interval, count, userTimeout] = holding.values;
  const all = inLibraryUnits(held);
  const handedOver: Partial<typeof all> = { enabled: all.enabled };
  if (idle !== null) handedOver.idle = all.idle;
  if (interval !== null) handedOver.interval = all.interval;
  if (count !== null) handedOver.count = all.count;
  if (userTimeout !== undefined) handedOver.userTimeout = all.userTimeout;
  assertEquals(values, readable ? all : handedOver);
}
