/**
 * What Linux says of the timers of TCP, for `detectsWithin`.
 *
 * @module
 */
import type { KernelTimers } from "../../core/keepalive/kernel_timers.ts";

const FOLDER = "/proc/sys/net/ipv4/"; // tcp(7); Documentation/networking/ip-sysctl.rst

/** The kernel's parameters that can be read; each has its own rule for when it cannot. */
export function systemTimers(readText: (path: string) => string | undefined): KernelTimers {
  const read = (name: string): number | undefined => {
    const text = readText(FOLDER + name)?.trim() ?? "";
    return /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const timers: KernelTimers = {};
  const retries2 = read("tcp_retries2");
  // Without the one the other decides nothing.
  if (retries2 === undefined) return timers;
  timers.retries2 = retries2;
  const rtoMax = read("tcp_rto_max_ms");
  if (rtoMax) timers.rtoMax = rtoMax;
  return timers;
}
