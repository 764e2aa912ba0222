/**
 * A small model of Linux's TCP timers, written after net/ipv4/tcp_timer.c,
 * tcp_output.c and tcp_input.c (6.12 to 6.18) and with their names: a socket
 * in virtual time, one event after another. It knows nothing of the formulas
 * that it is to judge. Timers are exact; the kernel's may come late.
 *
 * @module
 */

/** What is set, in the kernel's units. */
export interface SocketValues {
  /** Jiffies a second: 100, 250 or 1000, so that one is a whole number of milliseconds. */
  hz: number;
  /** Seconds; absent: SO_KEEPALIVE is off. */
  keepalive?: { time: number; intvl: number; probes: number };
  /** Milliseconds; 0 is none. */
  userTimeout: number;
  retries2: number;
  /** Jiffies. */
  rtoMax: number;
  /** Jiffies. */
  rto: number;
}

type Timer = "keepalive" | "loss probe" | "retransmit" | "probe0";

/** An established socket. All moments are jiffies. */
export class ModelSocket {
  jiffies = 0;
  /** When it was given up. */
  death: number | undefined;
  /** `rcv_tstamp` and `lrcvtime`: the last segment received. */
  received = 0;
  /** Whether the peer answers what calls for an answer. It does so at once. */
  peerAnswers = true;
  readonly #values: SocketValues;
  readonly #timers = new Map<Timer, number>();
  #packetsOut = 0;
  #writeQueue = 0;
  #windowOpen = true;
  #probesOut = 0;
  #probesTstamp = 0;
  #backoff = 0;
  #retransmits = 0;
  #retransStamp = 0;
  #rto: number;

  constructor(values: SocketValues) {
    this.#values = values;
    this.#rto = values.rto;
    if (values.keepalive) this.#arm("keepalive", values.keepalive.time * values.hz);
  }

  /** Until it is given up, or so many jiffies have passed. */
  run(until = Infinity): void {
    while (this.death === undefined) {
      const [timer, at] = [...this.#timers].reduce((a, b) => (b[1] < a[1] ? b : a), ["keepalive", Infinity]);
      if (at > until || at === Infinity) break;
      this.jiffies = at;
      this.#timers.delete(timer);
      this.#expired(timer);
    }
    if (this.death === undefined && until !== Infinity) this.jiffies = until;
  }

  /** A segment comes that acknowledges nothing new: data of the peer's, or the answer to a probe. `tcp_ack`. */
  receive(): void {
    this.received = this.jiffies;
    this.#probesOut = 0;
    if (this.#packetsOut > 0 || this.#writeQueue === 0) return;
    // tcp_ack_probe, the window still being closed
    this.#arm("probe0", this.#clampProbe0(this.#probe0When()));
  }

  /**
   * Sends a segment into an open window.
   *
   * @param lossProbe when `tcp_schedule_loss_probe` has its timer fire; absent where there is none
   */
  send(lossProbe?: number): void {
    this.#packetsOut++;
    if (lossProbe === undefined) this.#arm("retransmit", this.#rto);
    else this.#arm("loss probe", Math.min(lossProbe, this.#rto));
  }

  /** The peer closes its window; with data to send `tcp_check_probe_timer` follows. */
  closeWindow(): void {
    this.#windowOpen = false;
  }

  /** Data that cannot be sent. */
  queue(): void {
    if (this.#windowOpen) throw new Error("the window is open");
    this.#writeQueue++;
    this.#arm("probe0", Math.max(this.#rto, this.#rtoMin));
  }

  get #rtoMin(): number {
    return this.#values.hz / 5;
  }

  get #milliseconds(): number {
    return this.jiffies * 1000 / this.#values.hz;
  }

  #toJiffies(milliseconds: number): number {
    return Math.ceil(milliseconds * this.#values.hz / 1000);
  }

  /** `sk_reset_timer`, for the timers of `tcp_write_timer` by way of `inet_csk_reset_xmit_timer`. */
  #arm(timer: Timer, when: number): void {
    if (timer !== "keepalive") {
      // They are one timer in the kernel, of which this is the purpose.
      for (const other of ["loss probe", "retransmit", "probe0"] as const) this.#timers.delete(other);
      when = Math.min(when, this.#values.rtoMax);
    }
    this.#timers.set(timer, this.jiffies + when);
  }

  #expired(timer: Timer): void {
    switch (timer) {
      case "keepalive":
        return this.#keepaliveTimer();
      case "loss probe":
        return this.#arm("retransmit", this.#rto); // tcp_send_loss_probe; nobody answers what is in flight
      case "retransmit":
        return this.#retransmitTimer();
      case "probe0":
        return this.#probeTimer();
    }
  }

  #keepaliveTimer(): void {
    const { hz, keepalive, userTimeout } = this.#values;
    const { time, intvl, probes } = keepalive!;
    if (this.#packetsOut > 0 || this.#writeQueue > 0) return this.#arm("keepalive", time * hz);
    const elapsed = this.jiffies - this.received;
    if (elapsed < time * hz) return this.#arm("keepalive", time * hz - elapsed);
    if (
      (userTimeout !== 0 && elapsed >= this.#toJiffies(userTimeout) && this.#probesOut > 0) ||
      (userTimeout === 0 && this.#probesOut >= probes)
    ) {
      return this.#writeErr();
    }
    this.#probesOut++;
    this.#arm("keepalive", intvl * hz);
    if (this.peerAnswers) this.receive();
  }

  /** `tcp_retransmit_timer`, `tcp_write_timeout`. */
  #retransmitTimer(): void {
    const { userTimeout, retries2, rtoMax } = this.#values;
    if (this.#retransmits > 0) {
      const timeout = userTimeout || this.#modelTimeout(retries2);
      if (this.#milliseconds - this.#retransStamp >= timeout) return this.#writeErr();
    } else {
      this.#retransStamp = this.#milliseconds;
    }
    this.#retransmits++;
    this.#backoff++;
    this.#rto = Math.min(this.#rto << 1, rtoMax);
    this.#arm("retransmit", this.#clampRto());
  }

  /** `tcp_clamp_rto_to_user_timeout` */
  #clampRto(): number {
    const { userTimeout } = this.#values;
    if (userTimeout === 0) return this.#rto;
    const remaining = userTimeout - (this.#milliseconds - this.#retransStamp);
    return remaining <= 0 ? 1 : Math.min(this.#rto, this.#toJiffies(remaining));
  }

  /** `tcp_model_timeout`: milliseconds. */
  #modelTimeout(boundary: number): number {
    const { hz, rtoMax } = this.#values;
    const base = this.#rtoMin;
    const threshold = 31 - Math.clz32(Math.trunc(rtoMax / base)); // ilog2
    const timeout = boundary <= threshold
      ? ((2 << boundary) - 1) * base
      : ((2 << threshold) - 1) * base + (boundary - threshold) * rtoMax;
    return timeout * 1000 / hz;
  }

  #probeTimer(): void {
    const { userTimeout, retries2 } = this.#values;
    if (this.#probesTstamp === 0) this.#probesTstamp = this.jiffies;
    else if (userTimeout > 0 && this.jiffies - this.#probesTstamp >= this.#toJiffies(userTimeout)) {
      return this.#writeErr();
    }
    if (this.#probesOut >= retries2) return this.#writeErr();
    // tcp_send_probe0
    this.#probesOut++;
    if (this.#backoff < retries2) this.#backoff++;
    this.#arm("probe0", this.#clampProbe0(this.#probe0When()));
    if (this.peerAnswers) this.receive();
  }

  /** `tcp_probe0_when` */
  #probe0When(): number {
    return Math.min(Math.max(this.#rto, this.#rtoMin) * 2 ** this.#backoff, this.#values.rtoMax);
  }

  /** `tcp_clamp_probe0_to_user_timeout` */
  #clampProbe0(when: number): number {
    const { userTimeout } = this.#values;
    if (userTimeout === 0 || this.#probesTstamp === 0) return when;
    const elapsed = this.jiffies - this.#probesTstamp;
    return Math.min(Math.max(this.#toJiffies(userTimeout) - elapsed, 2), when); // TCP_TIMEOUT_MIN
  }

  #writeErr(): void {
    this.death = this.jiffies;
    this.#timers.clear();
  }
}
