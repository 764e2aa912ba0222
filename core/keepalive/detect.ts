/**
 * How long a dead peer can stay unnoticed, by the rule of the kernel's timer
 * (Linux net/ipv4/tcp_timer.c, `tcp_keepalive_timer` and
 * `tcp_write_timeout`).
 *
 * @module
 */
import type { DetectsWithin } from "../types.ts";
import type { KernelValues } from "./model.ts";

/**
 * The worst case, in milliseconds, until the kernel gives up a peer that
 * answers no more. The kernel's own timers may come late by a few per cent.
 *
 * `idle` counts from the last segment received, with nothing in flight. With
 * no user timeout: the idle time, then all probes an interval apart. With
 * one, TCP_KEEPCNT is ignored, and death is declared when a probe falls due
 * that finds the user timeout over and an earlier probe unanswered. A user
 * timeout that is not known counts as 0: a socket has none unless somebody
 * set it, which needs FFI, and FFI reads it. Absent when keepalive is off, or
 * a value it depends on is not known.
 *
 * `inFlight` is the user timeout. It counts from the first retransmission of
 * data that nobody acknowledged (one retransmission timeout after it was
 * sent, usually 0.2 to 1 s), or from the first probe of a zero window. Absent
 * without a user timeout: keepalive does not run while data is in flight, and
 * the kernel's own limit (net.ipv4.tcp_retries2) is a matter of minutes.
 *
 * @param values As read, or as known to be held.
 */
export function detectsWithin(values: KernelValues): DetectsWithin {
  const within: DetectsWithin = {};
  const idle = idleSeconds(values);
  if (idle !== undefined) within.idle = idle * 1000;
  if (values.TCP_USER_TIMEOUT) within.inFlight = values.TCP_USER_TIMEOUT;
  return within;
}

function idleSeconds(values: KernelValues): number | undefined {
  const {
    SO_KEEPALIVE,
    TCP_KEEPIDLE: idle,
    TCP_KEEPINTVL: interval,
    TCP_KEEPCNT: count,
  } = values;
  if (!SO_KEEPALIVE || idle === undefined || interval === undefined) {
    return undefined;
  }
  const userTimeout = values.TCP_USER_TIMEOUT ?? 0;
  if (userTimeout === 0) {
    return count === undefined ? undefined : idle + interval * count;
  }
  const probes = Math.max(1, Math.ceil((userTimeout / 1000 - idle) / interval));
  return idle + interval * probes;
}
