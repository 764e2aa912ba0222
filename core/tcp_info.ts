/**
 * Decodes what `getsockopt(TCP_INFO)` writes, by the rows of the table.
 *
 * @module
 */
import {
  DARWIN_TCP_INFO,
  LINUX_TCP_INFO,
  TCP_STATES,
  type TcpInfoRow,
  type TcpState,
} from "./tables/tcp_info.ts";
import type { Vitals } from "./health/vitals.ts";
import type { TcpInfo } from "./types/tcp_info.ts";

/** Bytes to offer to `getsockopt(2)`: room for what kernels may add. */
export const TCP_INFO_BYTES = 512;

const [UNACKED, RTO, RETRANSMITS, BACKOFF] = ["unacked", "rto", "retransmits", "backoff"]
  .map((field) => LINUX_TCP_INFO.find(({ name }) => name === field)!); // the table has them

/** Of the others that health is judged by. */
const [PROBES, NOTSENT, SND_WND, SND_MSS, DATA_SENT, DATA_RECV, ACK_RECV] = [
  "probes",
  "notsentBytes",
  "sndWnd",
  "sndMss",
  "lastDataSent",
  "lastDataRecv",
  "lastAckRecv",
].map((field) => LINUX_TCP_INFO.find(({ name }) => name === field)!); // the table has them

/** What the kernel wrote. */
export interface RawTcpInfo {
  view: DataView;
  /** The length that it gave back. */
  length: number;
  /** The byte order of the machine. */
  littleEndian: boolean;
}

type NumberOf = number | boolean | TcpState | undefined;

/** The fields a structure of this system has; `undefined` for a system that is not in the table. */
function rowsOf(os: string): readonly TcpInfoRow[] | undefined {
  return os === "linux" ? LINUX_TCP_INFO : os === "darwin" ? DARWIN_TCP_INFO : undefined;
}

function statesOf(os: string): readonly (TcpState | undefined)[] | undefined {
  return Object.hasOwn(TCP_STATES, os) ? TCP_STATES[os as keyof typeof TCP_STATES].words : undefined;
}

/** Whether there is a table for this system. */
export function hasTcpInfo(os: string): boolean {
  return rowsOf(os) !== undefined;
}

/**
 * All fields that this kernel has. Bytes behind those that are known are
 * ignored.
 *
 * @param os As `osName` gives it.
 * @returns `undefined` for a system that is not in the table, and for a state it does not know.
 */
export function decodeTcpInfo(os: string, raw: RawTcpInfo): TcpInfo | undefined {
  const rows = rowsOf(os);
  if (rows === undefined) return undefined;
  const found: Record<string, NumberOf> = {};
  for (const row of rows) {
    const value = peek(row, raw);
    if (value !== undefined) found[row.name] = inOurUnit(os, row, value);
  }
  return found.state === undefined ? undefined : found as unknown as TcpInfo; // its names are the table's, as the unit test compares
}

/** Whether it tells of unanswered probes and of retransmissions in vain, as health is judged by. */
export function tellsHealth(os: string): boolean {
  return os === "linux";
}

/** The state alone. */
export function tcpState(os: string, raw: RawTcpInfo): TcpState | undefined {
  return raw.length > 0 ? statesOf(os)?.[raw.view.getUint8(0)] : undefined;
}

/** Segments that are not acknowledged; on a listening socket, connections that wait to be accepted. Linux only. */
export function tcpUnacked(os: string, raw: RawTcpInfo): number | undefined {
  return os === "linux" ? peek(UNACKED, raw) : undefined;
}

/**
 * The retransmission timeout in milliseconds, as it is without the backoff of
 * retransmissions under way; `undefined` for a socket that has none. Linux only.
 */
export function tcpRto(os: string, raw: RawTcpInfo): number | undefined {
  const rto = os === "linux" ? peek(RTO, raw) : undefined;
  if (!rto) return undefined; // a listening socket's is 0
  // Window probes back off too, but leave the timeout itself alone (inet_csk_rto_backoff).
  return rto / 1000 / (peek(RETRANSMITS, raw) ? 2 ** peek(BACKOFF, raw)! : 1); // what lies before `rto` is there
}

/** What health is judged by; `false` where the system does not tell. */
export function tcpVitals(os: string, raw: RawTcpInfo, into: Vitals): boolean {
  // What was there from the beginning ends here.
  if (!tellsHealth(os) || raw.length < 104) return false;
  into.state = tcpState(os, raw);
  into.retransmits = peek(RETRANSMITS, raw)!; // in the first 104 bytes, as all but two
  into.probes = peek(PROBES, raw)!;
  into.backoff = peek(BACKOFF, raw)!;
  into.unacked = peek(UNACKED, raw)!;
  into.notsentBytes = peek(NOTSENT, raw) ?? 0;
  into.sndWnd = peek(SND_WND, raw) ?? -1;
  into.sndMss = peek(SND_MSS, raw)!;
  into.rto = peek(RTO, raw)! / 1000;
  into.lastDataSent = peek(DATA_SENT, raw)!;
  into.silence = Math.min(peek(DATA_RECV, raw)!, peek(ACK_RECV, raw)!);
  return true;
}

/** The number of one field; `undefined` where this kernel does not have it. */
export function peek({ offset, type, bits }: TcpInfoRow, raw: RawTcpInfo): number | undefined {
  const { view, littleEndian } = raw;
  const size = SIZES[type];
  if (offset + size > raw.length || offset + size > view.byteLength) return undefined;
  const value = size === 1
    ? view.getUint8(offset)
    : size === 2
    ? view.getUint16(offset, littleEndian)
    : size === 4
    ? view.getUint32(offset, littleEndian)
    : Number(view.getBigUint64(offset, littleEndian));
  return bits === undefined ? value : value >>> bits[0] & (1 << bits[1]) - 1;
}

const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

/** 2^64 - 1 as a number, by which the kernel says that there is no limit. */
const NO_LIMIT = 2 ** 64;

function inOurUnit(os: string, { unit }: TcpInfoRow, value: number): NumberOf {
  switch (unit) {
    case "state":
      return statesOf(os)?.[value];
    case "flag":
      return value !== 0;
    case "us":
      return value / 1000;
    case "rate":
      return value === NO_LIMIT ? Infinity : value;
    default:
      return value;
  }
}
