/**
 * Watches connections: looks at each of them once in an interval, a few at a
 * time, and tells of those whose peer is suspected, has recovered or is dead.
 *
 * @module
 */
import type { SocketError } from "../errors.ts";
import type { Connection, HealthEvent, KeepAliveStatus } from "../types.ts";
import { type HealthClock, monotonic, type Sleeper } from "./clock.ts";
import { onEnding } from "./endings.ts";
import { givesUpIn, judge, type Pulse, WELL } from "./judge.ts";
import { Outlet } from "./outlet.ts";
import { connectionIn, type Watching } from "./validate.ts";
import { emptyVitals, readVitals } from "./vitals.ts";

/** Connections that are looked at in one go: about a millisecond. */
const SLICE = 256;

/** What is known of one connection. */
interface Patient {
  readonly connection: Connection;
  pulse: Pulse;
  /** The last round it was seen in. */
  round: number;
  over: boolean;
  forget: () => void;
}

// Looks are one at a time.
const vitals = emptyVitals();

/** One iteration over the events of some connections. Nothing runs before the first `next`. */
export class Watch implements Sleeper, AsyncIterator<HealthEvent, undefined> {
  due = 0;
  readonly #watching: Watching;
  readonly #clock: HealthClock;
  readonly #patients = new Map<Connection, Patient>();
  readonly #doubtful = new Set<Patient>();
  readonly #outlet = new Outlet();
  readonly #onAbort = () => this.#stop(() => this.#outlet.fail(this.#watching.signal?.reason));
  /** The connections of this round; used again at each. */
  readonly #queue: Connection[] = [];
  #place = 0;
  #round = 0;
  #nextRound = 0;
  #state: "new" | "running" | "stopped" = "new";

  constructor(watching: Watching, clock: HealthClock) {
    this.#watching = watching;
    this.#clock = clock;
  }

  next(): Promise<IteratorResult<HealthEvent, undefined>> {
    if (this.#state === "new") this.#start();
    return this.#outlet.next();
  }

  return(): Promise<IteratorResult<HealthEvent, undefined>> {
    this.#stop(() => this.#outlet.drop());
    return Promise.resolve({ done: true, value: undefined });
  }

  wake(now: number): void {
    try {
      this.#lookAgain(now);
      if (this.#place === this.#queue.length && now >= this.#nextRound) this.#begin(now);
      else if (this.#place === this.#queue.length) return this.#rest();
      // The iterable may have had the watching ended.
      if (this.#state === "running") this.#continue();
    } catch (error) {
      // Of the caller's own iterable, or of what it gave.
      this.#stop(() => this.#outlet.fail(error));
    }
  }

  #start(): void {
    this.#state = "running";
    const { signal } = this.#watching;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#clock.add(this);
  }

  #stop(say: () => void): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#watching.signal?.removeEventListener("abort", this.#onAbort);
    this.#clock.remove(this);
    for (const patient of this.#patients.values()) patient.forget();
    this.#patients.clear();
    this.#doubtful.clear();
    this.#queue.length = 0;
    this.#place = 0;
    say();
  }

  /** Reads anew whom to watch. */
  #begin(now: number): void {
    this.#round++;
    this.#nextRound = now + this.#watching.interval;
    this.#queue.length = 0;
    this.#place = 0;
    for (const one of this.#watching.connections) this.#queue.push(connectionIn(one));
    if (this.#state !== "running") this.#queue.length = 0;
  }

  #continue(): void {
    const end = Math.min(this.#place + SLICE, this.#queue.length);
    const now = monotonic();
    while (this.#place < end) {
      const connection = this.#queue[this.#place++];
      const patient = this.#patients.get(connection) ?? this.#admit(connection);
      patient.round = this.#round;
      if (!patient.over) this.#look(patient, now);
    }
    if (this.#place < this.#queue.length) {
      this.due = now;
      return;
    }
    this.#discharge();
    this.#rest();
  }

  #rest(): void {
    this.due = this.#nextRound;
    for (const { pulse } of this.#doubtful) this.due = Math.min(this.due, pulse.again);
  }

  #lookAgain(now: number): void {
    let left = SLICE;
    for (const patient of this.#doubtful) {
      if (patient.pulse.again > now) continue;
      this.#doubtful.delete(patient);
      this.#look(patient, monotonic());
      if (--left === 0) return;
    }
  }

  #admit(connection: Connection): Patient {
    const patient: Patient = { connection, pulse: WELL, round: 0, over: false, forget: () => {} };
    this.#patients.set(connection, patient);
    patient.forget = onEnding(connection, (error) => this.#end(patient, error));
    return patient;
  }

  /** Lets go of those that the iterable does not give any more. */
  #discharge(): void {
    for (const patient of this.#patients.values()) {
      if (patient.round === this.#round) continue;
      patient.forget();
      this.#patients.delete(patient.connection);
      this.#doubtful.delete(patient);
    }
  }

  #look(patient: Patient, now: number): void {
    const { connection, pulse: before } = patient;
    if (!readVitals(connection, vitals)) return;
    const after = judge(before, vitals, now);
    if (after === before) return;
    patient.pulse = after;
    if (after.again === Infinity) this.#doubtful.delete(patient);
    else this.#doubtful.add(patient);
    if (after.sure) this.#suspect(connection, after, now);
    else if (before.sure) {
      const { trouble: reason, since } = before;
      const told = { type: "recovered", connection, reason: reason!, since: sinceEpoch(since, now) } as const;
      this.#outlet.put(connection, told);
    }
  }

  #suspect(connection: Connection, { trouble, since }: Pulse, now: number): void {
    const reason = trouble!; // what is sure has one
    const event: HealthEvent = { type: "suspect", connection, reason, since: sinceEpoch(since, now) };
    const left = givesUpIn(reason, vitals, statusOf(connection));
    if (left !== undefined) event.givesUpIn = left;
    this.#outlet.put(connection, event);
  }

  #end(patient: Patient, error: unknown): void {
    const { connection } = patient;
    patient.over = true;
    this.#doubtful.delete(patient);
    if (isDeath(error)) this.#outlet.put(connection, { type: "dead", connection, error });
    // Of several, others may come.
    if (this.#watching.single) this.#stop(() => this.#outlet.end());
  }
}

/** What a monotonic time is by the calendar, in milliseconds since 1970. */
function sinceEpoch(time: number, now: number): number {
  return Date.now() - (now - time);
}

function statusOf(connection: Connection): Pick<KeepAliveStatus, "userTimeout" | "detectsWithin"> {
  try {
    return connection.getKeepAlive();
  } catch {
    // It ended just now, or this cannot be read: then nothing is known of when it is given up.
    return { detectsWithin: {} };
  }
}

/** Whether a connection failed by itself: our own `abort` is no news. */
function isDeath(error: unknown): error is SocketError {
  if (error === undefined) return false;
  const { code, op } = error as Partial<SocketError>; // `closed` rejects with nothing else
  return !(code === "ECONNABORTED" && op === "abort");
}
