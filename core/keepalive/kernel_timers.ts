/**
 * The rules by which Linux gives a peer up, as formulas: all in milliseconds.
 * They are those of net/ipv4/tcp_timer.c, the same from 5.11 to 7.0.
 *
 * @module
 */

/** What decides besides a socket's options. Only under Linux. */
export interface KernelTimers {
  /** `net.ipv4.tcp_retries2`; absent where it cannot be read. */
  retries2?: number;
  /** `net.ipv4.tcp_rto_max_ms` (since 6.15). Default: what was fixed before. */
  rtoMax?: number;
  /** The retransmission timeout, without backoff. Default: {@link INITIAL_RTO}, which is not below that of any common path. */
  rto?: number;
}

/** TCP_RTO_MIN (include/net/tcp.h). */
const RTO_MIN = 200;
/** TCP_RTO_MAX (include/net/tcp.h). */
const RTO_MAX = 120_000;
/** TCP_TIMEOUT_INIT (include/net/tcp.h, RFC 6298 2.1): with which each connection begins. */
export const INITIAL_RTO = 1_000;

/**
 * Nothing in flight, by `tcp_keepalive_timer`: from the last segment received.
 *
 * The first probe that nobody answers goes out after the idle time; but when
 * the interval is longer, and a segment came between two probes, the timer
 * runs on: it finds the idle time over when the interval is. Without a user
 * timeout all probes follow, an interval apart. With one, TCP_KEEPCNT is
 * ignored: death is declared when a probe falls due that finds the user
 * timeout over and an earlier probe unanswered.
 */
export function idleDeath(idle: number, interval: number, count: number, userTimeout: number): number {
  const latest = Math.max(idle, interval);
  if (userTimeout === 0) return latest + interval * count;
  const from = (first: number) => first + interval * Math.max(1, Math.ceil((userTimeout - first) / interval));
  // A first probe may be so placed that one falls due just before the user timeout is over.
  const before = userTimeout - interval * Math.max(1, Math.floor((userTimeout - idle) / interval));
  const placed = before > idle && before <= latest ? userTimeout + interval : 0;
  return Math.max(from(idle), from(latest), placed);
}

/**
 * Until the first retransmission by timeout, from when the data was sent: a
 * tail loss probe after one timeout at most, which starts the timer again
 * (`tcp_send_loss_probe`).
 */
function firstRetransmission(rto: number): number {
  return 2 * rto;
}

/**
 * Data in flight, by `retransmits_timed_out`: from when the oldest byte was
 * sent, or the last segment received when that was later.
 *
 * @returns `undefined` without a user timeout where `tcp_retries2` is not known.
 */
export function inFlightDeath(userTimeout: number, timers: KernelTimers): number | undefined {
  const { retries2, rtoMax = RTO_MAX, rto } = timers;
  const first = firstRetransmission(Math.min(rto ?? INITIAL_RTO, rtoMax));
  // The timer of the last retransmission is cut short to it (tcp_clamp_rto_to_user_timeout).
  if (userTimeout > 0) return first + userTimeout;
  if (retries2 === undefined) return undefined;
  const limit = modelTimeout(retries2, rtoMax);
  if (rto === undefined) {
    // Whatever it is up to the assumed one: the last timer is at most twice what went before, and at most the greatest.
    return first + Math.min(limit + rtoMax, 2 * limit + 2 * INITIAL_RTO);
  }
  let timer = rto;
  let elapsed = 0;
  do elapsed += timer = Math.min(2 * timer, rtoMax); while (elapsed < limit);
  return first + elapsed;
}

/** How long a connection with the smallest timeout would take for so many retransmissions (`tcp_model_timeout`): the kernel's limit for all. */
function modelTimeout(retries2: number, rtoMax: number): number {
  const doublings = Math.floor(Math.log2(rtoMax / RTO_MIN));
  const doubled = Math.min(retries2, doublings);
  return (2 ** (doubled + 1) - 1) * RTO_MIN + (retries2 - doubled) * rtoMax;
}

/**
 * A closed window, by `tcp_probe_timer`.
 *
 * With a user timeout: from when it closed with data waiting. The kernel
 * counts from the first probe, a timeout later, whether or not probes are
 * answered. Without one: from the last segment received. The peer is given up
 * when a probe falls due and `tcp_retries2` probes before it are unanswered;
 * each answer starts that count again, but not the backoff, so that in the
 * end all are as far apart as they can be.
 *
 * @returns `undefined` without a user timeout where `tcp_retries2` is not known.
 */
export function zeroWindowDeath(userTimeout: number, timers: KernelTimers): number | undefined {
  const { retries2, rtoMax = RTO_MAX, rto = INITIAL_RTO } = timers;
  const base = Math.min(Math.max(rto, RTO_MIN), rtoMax);
  if (userTimeout > 0) return base + userTimeout;
  if (retries2 === undefined) return undefined;
  return (retries2 + 1) * Math.min(base * 2 ** retries2, rtoMax);
}
