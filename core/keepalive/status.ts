/**
 * What is told of a socket, from values in kernel units.
 *
 * @module
 */
import type { KeepAliveStatus } from "../types.ts";
import { detectsWithin } from "./detect.ts";
import type { KernelTimers } from "./kernel_timers.ts";
import type { KernelValues } from "./model.ts";

/**
 * The status of a socket with these values: seconds become milliseconds, and
 * a value that is not known is absent.
 *
 * @param values As read by `getsockopt(2)`, or as a plan says they are held.
 * @param timers Absent for what is no TCP socket of Linux.
 */
export function statusOf(
  values: KernelValues,
  how: Pick<KeepAliveStatus, "source" | "route" | "notApplied">,
  timers?: KernelTimers,
): KeepAliveStatus {
  const { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT } = values;
  // BSD answers SO_KEEPALIVE with the flag's bit, which is 8.
  const status: KeepAliveStatus = {
    enabled: Boolean(values.SO_KEEPALIVE),
    ...how,
    detectsWithin: detectsWithin(values, timers),
  };
  if (TCP_KEEPIDLE !== undefined) status.idle = TCP_KEEPIDLE * 1000;
  if (TCP_KEEPINTVL !== undefined) status.interval = TCP_KEEPINTVL * 1000;
  if (TCP_KEEPCNT !== undefined) status.count = TCP_KEEPCNT;
  if (TCP_USER_TIMEOUT !== undefined) status.userTimeout = TCP_USER_TIMEOUT;
  return status;
}
