/**
 * What the kernel tells of a connection. Types only.
 *
 * @module
 */
import type { TcpState } from "../tables/tcp_info.ts";

export type { TcpState } from "../tables/tcp_info.ts";

/**
 * What the kernel knows of a connection at this moment: TCP_INFO on Linux
 * (`struct tcp_info`, include/uapi/linux/tcp.h), TCP_CONNECTION_INFO on macOS.
 * Names are the kernel's. A field that this kernel does not have is absent:
 * `undefined` never means 0.
 *
 * Every duration is milliseconds, with fractions where the kernel counts
 * microseconds. Every counter is a `number`, so that it can be compared and
 * divided like the others and written as JSON: above 2^53 (8 PiB through one
 * connection) the lowest bits are lost.
 */
export interface TcpInfo {
  /** The state of the connection, in the kernel's word: `"ESTABLISHED"`, `"CLOSE_WAIT"`, … */
  state: TcpState;
  /** State of congestion control: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss. */
  caState?: number;
  /** Retransmission timeouts in a row without any progress. */
  retransmits?: number;
  /** Probes that nobody answered: keepalive's, or those of a closed window. */
  probes?: number;
  /** How many times the retransmission timeout has been doubled, or window probes sent in a row. */
  backoff?: number;
  /** Whether timestamps are in use (RFC 7323). */
  timestamps?: boolean;
  /** Whether selective acknowledgements are in use (RFC 2018). */
  sack?: boolean;
  /** Whether windows are scaled (RFC 7323). */
  windowScaling?: boolean;
  /** Whether ECN was agreed on (RFC 3168). */
  ecn?: boolean;
  /** Powers of two by which the peer's windows are scaled. */
  sndWscale?: number;
  /** Powers of two by which our windows are scaled. */
  rcvWscale?: number;
  /** Whether `deliveryRate` was limited by what was written, and not by the network. */
  deliveryRateAppLimited?: boolean;
  /** Why TCP Fast Open failed: 0 is unknown or that it did not, then `enum tcp_fastopen_client_fail`. */
  fastopenClientFail?: number;
  /** The retransmission timeout, doubled `backoff` times: milliseconds. */
  rto?: number;
  /** By how long acknowledgements are delayed: milliseconds. */
  ato?: number;
  /** The largest segment that is sent: bytes. */
  sndMss?: number;
  /** The largest segment that was received, as estimated: bytes. */
  rcvMss?: number;
  /** Segments sent and not acknowledged. */
  unacked?: number;
  /** Segments that were acknowledged selectively. */
  sacked?: number;
  /** Segments that count as lost. */
  lost?: number;
  /** Retransmitted segments that are not acknowledged. */
  retrans?: number;
  /** Since data was sent last: milliseconds. */
  lastDataSent?: number;
  /** Since data was received last: milliseconds. */
  lastDataRecv?: number;
  /** Since an acknowledgement was received last: milliseconds. */
  lastAckRecv?: number;
  /** The largest packet of the path: bytes. */
  pmtu?: number;
  /** Our window is not opened further than this: bytes. */
  rcvSsthresh?: number;
  /** The smoothed round-trip time: milliseconds. */
  rtt?: number;
  /** The mean deviation of the round-trip time: milliseconds. */
  rttvar?: number;
  /** Where slow start ends: segments; 2,147,483,647 means that nothing was lost yet. */
  sndSsthresh?: number;
  /** The congestion window: segments. */
  sndCwnd?: number;
  /** The largest segment that we announced: bytes. */
  advmss?: number;
  /** Segments by which the order may change without counting as a loss. */
  reordering?: number;
  /** The round-trip time, as the receiving side sees it: milliseconds; 0 while it is not known. */
  rcvRtt?: number;
  /** What the process reads in one round trip: bytes. */
  rcvSpace?: number;
  /** Segments retransmitted in all. */
  totalRetrans?: number;
  /** The pace of sending: bytes per second; `Infinity` without one. */
  pacingRate?: number;
  /** The limit of that pace (`SO_MAX_PACING_RATE`): bytes per second; `Infinity` without one. */
  maxPacingRate?: number;
  /** Bytes of ours that were acknowledged (RFC 4898, ThruOctetsAcked); the SYN counts as one. */
  bytesAcked?: number;
  /** Bytes received in their order (RFC 4898, ThruOctetsReceived). */
  bytesReceived?: number;
  /** Segments sent. */
  segsOut?: number;
  /** Segments received. */
  segsIn?: number;
  /** Bytes written that have not been sent once. */
  notsentBytes?: number;
  /** The least round-trip time of the last minutes: milliseconds. */
  minRtt?: number;
  /** Segments received with data. */
  dataSegsIn?: number;
  /** Segments sent with data. */
  dataSegsOut?: number;
  /** What was last delivered to the peer: bytes per second. */
  deliveryRate?: number;
  /** While there was something to send: milliseconds. */
  busyTime?: number;
  /** The part of it for which the peer's window was the limit: milliseconds. */
  rwndLimited?: number;
  /** The part of it for which our send buffer was the limit: milliseconds. */
  sndbufLimited?: number;
  /** Segments delivered, retransmitted ones included. */
  delivered?: number;
  /** Those of them that came with a congestion mark (ECN). */
  deliveredCe?: number;
  /** Bytes sent, retransmitted ones included. */
  bytesSent?: number;
  /** Bytes retransmitted. */
  bytesRetrans?: number;
  /** Duplicates that the peer has reported (RFC 2883). */
  dsackDups?: number;
  /** How often the order changed on the way. */
  reordSeen?: number;
  /** Segments received out of order. */
  rcvOoopack?: number;
  /** The peer's window: bytes; 0 when it does not read. */
  sndWnd?: number;
  /** Our window: bytes. */
  rcvWnd?: number;
  /** How often another path was tried, because nothing came through. */
  rehash?: number;
  /** Retransmission timeouts in all. */
  totalRto?: number;
  /** Those of them, taken together, that ended well. */
  totalRtoRecoveries?: number;
  /** How long they took in all: milliseconds. */
  totalRtoTime?: number;
  /** Segments received with a congestion mark (Accurate ECN, as all below that Linux has). */
  receivedCe?: number;
  /** Bytes of ours that arrived marked ECT(1). */
  deliveredE1Bytes?: number;
  /** Bytes of ours that arrived marked ECT(0). */
  deliveredE0Bytes?: number;
  /** Bytes of ours that arrived with a congestion mark. */
  deliveredCeBytes?: number;
  /** Bytes received marked ECT(1). */
  receivedE1Bytes?: number;
  /** Bytes received marked ECT(0). */
  receivedE0Bytes?: number;
  /** Bytes received with a congestion mark. */
  receivedCeBytes?: number;
  /** In what Accurate ECN has failed: bits of the kernel's. */
  accecnFailMode?: number;
  /** Whether its option was seen: a number of the kernel's. */
  accecnOptSeen?: number;
  /** macOS: where slow start ends, in bytes. */
  sndSsthreshBytes?: number;
  /** macOS: the congestion window, in bytes. */
  sndCwndBytes?: number;
  /** macOS: bytes in the send buffer, those in flight included. */
  sndbufBytes?: number;
  /** macOS: the last round-trip time that was measured: milliseconds. */
  rttCurrent?: number;
  /** macOS: bytes received out of order. */
  rcvOooBytes?: number;
}
