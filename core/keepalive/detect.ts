/**
 * How long a dead peer can stay unnoticed.
 *
 * @module
 */
import type { DetectsWithin } from "../types.ts";
import { idleDeath, inFlightDeath, type KernelTimers, zeroWindowDeath } from "./kernel_timers.ts";
import type { KernelValues } from "./model.ts";

/**
 * The worst case, in milliseconds, until the kernel gives up a peer that
 * answers no more; see {@link DetectsWithin} for what each number counts from.
 *
 * A user timeout that is not known counts as 0: a socket has none unless
 * somebody set it, which needs FFI, and FFI reads it. A number is absent when
 * keepalive is off (`idle`), or a value that it depends on is not known.
 *
 * @param values As read, or as known to be held.
 * @param timers Absent for what is no TCP socket of Linux: then only `idle` can be told.
 */
export function detectsWithin(values: KernelValues, timers?: KernelTimers): DetectsWithin {
  const within: DetectsWithin = {};
  const userTimeout = values.TCP_USER_TIMEOUT ?? 0;
  const idle = whileIdle(values, userTimeout);
  if (idle !== undefined) within.idle = idle;
  if (timers === undefined) return within;
  const inFlight = inFlightDeath(userTimeout, timers);
  if (inFlight !== undefined) within.inFlight = inFlight;
  const zeroWindow = zeroWindowDeath(userTimeout, timers);
  if (zeroWindow !== undefined) within.zeroWindow = zeroWindow;
  return within;
}

function whileIdle(values: KernelValues, userTimeout: number): number | undefined {
  const { SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT } = values;
  if (!SO_KEEPALIVE || TCP_KEEPIDLE === undefined || TCP_KEEPINTVL === undefined) return undefined;
  if (userTimeout === 0 && TCP_KEEPCNT === undefined) return undefined;
  return idleDeath(TCP_KEEPIDLE * 1000, TCP_KEEPINTVL * 1000, TCP_KEEPCNT ?? 0, userTimeout);
}
