/**
 * The few fields of TCP_INFO by which a connection's health is judged.
 *
 * @module
 */
import { SocketError } from "../errors.ts";
import type { TcpState } from "../tables/tcp_info.ts";
import type { Connection } from "../types.ts";

/** One look at a connection. Written over at the next: one is enough for all. */
export interface Vitals {
  state: TcpState | undefined;
  /** Retransmission timeouts in a row. */
  retransmits: number;
  /** Probes without an answer. */
  probes: number;
  /** Doublings of the retransmission timeout, or window probes in a row. */
  backoff: number;
  /** Segments in flight. */
  unacked: number;
  /** Bytes that wait to be sent; 0 before Linux 4.6, which does not tell. */
  notsentBytes: number;
  /** The peer's window in bytes; -1 before Linux 5.4, which does not tell. */
  sndWnd: number;
  /** The largest segment in bytes. */
  sndMss: number;
  /** Milliseconds. */
  rto: number;
  /** Milliseconds since data was sent, or sent again. */
  lastDataSent: number;
  /** Milliseconds since anything was received. */
  silence: number;
}

/** How a connection of ours gives its vitals: `false` when it is closed, or has none. */
export const VITALS = Symbol("vitals");

/** A connection of this copy of keepwire. */
export interface Vital {
  [VITALS](into: Vitals): boolean;
}

/** Memory for one look. */
export function emptyVitals(): Vitals {
  return {
    state: undefined,
    retransmits: 0,
    probes: 0,
    backoff: 0,
    unacked: 0,
    notsentBytes: 0,
    sndWnd: -1,
    sndMss: 0,
    rto: 0,
    lastDataSent: 0,
    silence: 0,
  };
}

/** Looks at a connection. `false` when it is closed, or the kernel does not tell. */
export function readVitals(connection: Connection, into: Vitals): boolean {
  const read = (connection as Partial<Vital>)[VITALS]; // ours have it
  return read === undefined ? readInfo(connection, into) : read.call(connection, into);
}

/** Of another copy of keepwire, whose symbol is another: an ES module and a CommonJS one may be loaded together. */
function readInfo(connection: Connection, into: Vitals): boolean {
  let info;
  try {
    info = connection.info();
  } catch (error) {
    if (error instanceof SocketError || (error as { code?: unknown }).code === "ENOTCONN") return false;
    throw error;
  }
  if (info === undefined) return false;
  into.state = info.state;
  into.retransmits = info.retransmits ?? 0;
  into.probes = info.probes ?? 0;
  into.backoff = info.backoff ?? 0;
  into.unacked = info.unacked ?? 0;
  into.notsentBytes = info.notsentBytes ?? 0;
  into.sndWnd = info.sndWnd ?? -1;
  into.sndMss = info.sndMss ?? 0;
  into.rto = info.rto ?? 0;
  into.lastDataSent = info.lastDataSent ?? 0;
  into.silence = Math.min(info.lastDataRecv ?? 0, info.lastAckRecv ?? 0);
  return true;
}
