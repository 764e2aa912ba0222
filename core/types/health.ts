/**
 * What a watcher of connections tells. Types only.
 *
 * @module
 */
import type { SocketError } from "../errors.ts";
import type { Connection } from "../types.ts";

/** Options of `watchHealth`. */
export interface WatchHealthOptions {
  /** Milliseconds between two looks at each connection, 1 to 2,147,483,647. Default 20,000. */
  interval?: number;
  /** Ends the watching: the iteration rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Why a peer is suspected.
 *
 * - `"probes"`: nothing is in flight, and a keepalive probe was not answered
 * - `"retransmits"`: what was sent is not acknowledged, and retransmitting it does not help
 * - `"zeroWindow"`: the peer does not read, so nothing can be sent; with a user timeout the kernel gives that up too
 */
export type Suspicion = "probes" | "retransmits" | "zeroWindow";

/** The peer is suspected. Told again when the reason becomes another one. */
export interface SuspectEvent {
  type: "suspect";
  connection: Connection;
  reason: Suspicion;
  /**
   * When it began, in milliseconds since 1970: the last segment received
   * (`"probes"`), the first sending of what is not acknowledged
   * (`"retransmits"`), the closing of the window (`"zeroWindow"`). The last two
   * are worked out from the kernel's timers.
   */
  since: number;
  /** Milliseconds until the kernel gives the peer up, by `detectsWithin`. Absent where it is not bounded. */
  givesUpIn?: number;
}

/** The peer is there again. */
export interface RecoveredEvent {
  type: "recovered";
  connection: Connection;
  /** What it was suspected for. */
  reason: Suspicion;
  /** Since when, as in the {@link SuspectEvent}. */
  since: number;
}

/** The connection has failed: `closed` rejected. Our own `abort` is not told. */
export interface DeadEvent {
  type: "dead";
  connection: Connection;
  /** The error of every operation of the connection from here on. */
  error: SocketError;
}

/** What `watchHealth` tells. */
export type HealthEvent = SuspectEvent | RecoveredEvent | DeadEvent;
