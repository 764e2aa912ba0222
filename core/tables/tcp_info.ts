/**
 * What `getsockopt(2)` writes for TCP_INFO (Linux, `struct tcp_info`) and for
 * TCP_CONNECTION_INFO (macOS, `struct tcp_connection_info`). Data; one source
 * link a line. Both structures grow at their ends only: the length that the
 * kernel gives says which fields it has.
 *
 * Left out of Linux's are `last_ack_sent`, which is always 0 there, and
 * `fackets`, which is always 0 since 4.15.
 *
 * @module
 */

/** How many bytes a field has, and how they are read; both kernels align each. */
export type TcpInfoType = "u8" | "u16" | "u32" | "u64";

/**
 * What the number counts. `us` becomes milliseconds, with fractions; `rate` is
 * bytes per second, where all bits set means that there is no limit; `flag` is
 * true or false; `state` a word of {@link TCP_STATES}.
 */
export type TcpInfoUnit = "state" | "flag" | "count" | "bytes" | "ms" | "us" | "rate";

/** One field. */
export interface TcpInfoRow {
  /** As `TcpInfo` calls it. */
  readonly name: string;
  /** Bytes from the beginning of the structure. */
  readonly offset: number;
  readonly type: TcpInfoType;
  readonly unit: TcpInfoUnit;
  /** Lowest bit and number of bits, where it is a part of its bytes. */
  readonly bits?: readonly [from: number, count: number];
  /** The kernel that was the first to have it. */
  readonly since: string;
  /** Where it stands, in the header of that kernel. */
  readonly source: string;
}

/** The words of {@link TCP_STATES}, in the spelling of Linux (include/net/tcp_states.h). */
export type TcpState =
  | "ESTABLISHED"
  | "SYN_SENT"
  | "SYN_RECV"
  | "FIN_WAIT1"
  | "FIN_WAIT2"
  | "TIME_WAIT"
  | "CLOSE"
  | "CLOSE_WAIT"
  | "LAST_ACK"
  | "LISTEN"
  | "CLOSING";

/** A connection's states by their numbers. */
export interface TcpStates {
  words: readonly (TcpState | undefined)[];
  source: string;
}

/** By operating system. */
export const TCP_STATES: Readonly<Record<"linux" | "darwin", TcpStates>> = {
  linux: {
    // deno-fmt-ignore -- the place in the list is the number
    words: [
      undefined, "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
      "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
      "SYN_RECV", // TCP_NEW_SYN_RECV, which no socket of a process has
    ],
    source: "https://github.com/torvalds/linux/blob/v6.12/include/net/tcp_states.h",
  },
  darwin: {
    // deno-fmt-ignore -- the place in the list is the number
    words: [
      "CLOSE", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT",
      "FIN_WAIT1", "CLOSING", "LAST_ACK", "FIN_WAIT2", "TIME_WAIT",
    ],
    source:
      "https://github.com/apple-oss-distributions/xnu/blob/5c2921b07a2480ab43ec66f5b9e41cb872bc554f/bsd/netinet/tcp_fsm.h",
  },
};

/** The header in which Linux's fields stand. */
function header(since: string): string {
  const path = since.startsWith("2.") ? "include/linux/tcp.h" : "include/uapi/linux/tcp.h";
  return `https://github.com/torvalds/linux/blob/v${since}/${path}`;
}

const row = <Name extends string>(
  name: Name,
  offset: number,
  type: TcpInfoType,
  unit: TcpInfoUnit,
  since: string,
  bits?: readonly [number, number],
): TcpInfoRow & { readonly name: Name } => ({ name, offset, type, unit, since, bits, source: header(since) });

/** Linux. 2.6.12 stands for itself and all before: it is the first in the kernel's history. */
// deno-fmt-ignore -- a table is read by its columns
export const LINUX_TCP_INFO = [
  row("state",                  0, "u8", "state", "2.6.12"),
  row("caState",                1, "u8", "count", "2.6.12"),
  row("retransmits",            2, "u8", "count", "2.6.12"),
  row("probes",                 3, "u8", "count", "2.6.12"),
  row("backoff",                4, "u8", "count", "2.6.12"),
  row("timestamps",             5, "u8", "flag",  "2.6.12", [0, 1]),
  row("sack",                   5, "u8", "flag",  "2.6.12", [1, 1]),
  row("windowScaling",          5, "u8", "flag",  "2.6.12", [2, 1]),
  row("ecn",                    5, "u8", "flag",  "2.6.12", [3, 1]),
  row("sndWscale",              6, "u8", "count", "2.6.12", [0, 4]),
  row("rcvWscale",              6, "u8", "count", "2.6.12", [4, 4]),
  // A kernel that does not have these two leaves their bits 0.
  row("deliveryRateAppLimited", 7, "u8", "flag",  "4.9",    [0, 1]),
  row("fastopenClientFail",     7, "u8", "count", "5.5",    [1, 2]),
  row("rto",                    8, "u32", "us",    "2.6.12"),
  row("ato",                   12, "u32", "us",    "2.6.12"),
  row("sndMss",                16, "u32", "bytes", "2.6.12"),
  row("rcvMss",                20, "u32", "bytes", "2.6.12"),
  row("unacked",               24, "u32", "count", "2.6.12"),
  row("sacked",                28, "u32", "count", "2.6.12"),
  row("lost",                  32, "u32", "count", "2.6.12"),
  row("retrans",               36, "u32", "count", "2.6.12"),
  row("lastDataSent",          44, "u32", "ms",    "2.6.12"),
  row("lastDataRecv",          52, "u32", "ms",    "2.6.12"),
  row("lastAckRecv",           56, "u32", "ms",    "2.6.12"),
  row("pmtu",                  60, "u32", "bytes", "2.6.12"),
  row("rcvSsthresh",           64, "u32", "bytes", "2.6.12"),
  row("rtt",                   68, "u32", "us",    "2.6.12"),
  row("rttvar",                72, "u32", "us",    "2.6.12"),
  row("sndSsthresh",           76, "u32", "count", "2.6.12"),
  row("sndCwnd",               80, "u32", "count", "2.6.12"),
  row("advmss",                84, "u32", "bytes", "2.6.12"),
  row("reordering",            88, "u32", "count", "2.6.12"),
  row("rcvRtt",                92, "u32", "us",    "2.6.12"),
  row("rcvSpace",              96, "u32", "bytes", "2.6.12"),
  row("totalRetrans",         100, "u32", "count", "2.6.12"),
  row("pacingRate",           104, "u64", "rate",  "3.15"),
  row("maxPacingRate",        112, "u64", "rate",  "3.15"),
  row("bytesAcked",           120, "u64", "bytes", "4.1"),
  row("bytesReceived",        128, "u64", "bytes", "4.1"),
  row("segsOut",              136, "u32", "count", "4.2"),
  row("segsIn",               140, "u32", "count", "4.2"),
  row("notsentBytes",         144, "u32", "bytes", "4.6"),
  row("minRtt",               148, "u32", "us",    "4.6"),
  row("dataSegsIn",           152, "u32", "count", "4.6"),
  row("dataSegsOut",          156, "u32", "count", "4.6"),
  row("deliveryRate",         160, "u64", "rate",  "4.9"),
  row("busyTime",             168, "u64", "us",    "4.10"),
  row("rwndLimited",          176, "u64", "us",    "4.10"),
  row("sndbufLimited",        184, "u64", "us",    "4.10"),
  row("delivered",            192, "u32", "count", "4.18"),
  row("deliveredCe",          196, "u32", "count", "4.18"),
  row("bytesSent",            200, "u64", "bytes", "4.19"),
  row("bytesRetrans",         208, "u64", "bytes", "4.19"),
  row("dsackDups",            216, "u32", "count", "4.19"),
  row("reordSeen",            220, "u32", "count", "4.19"),
  row("rcvOoopack",           224, "u32", "count", "5.4"),
  row("sndWnd",               228, "u32", "bytes", "5.4"),
  row("rcvWnd",               232, "u32", "bytes", "6.2"),
  row("rehash",               236, "u32", "count", "6.2"),
  row("totalRto",             240, "u16", "count", "6.7"),
  row("totalRtoRecoveries",   242, "u16", "count", "6.7"),
  row("totalRtoTime",         244, "u32", "ms",    "6.7"),
  row("receivedCe",           248, "u32", "count", "6.18"),
  row("deliveredE1Bytes",     252, "u32", "bytes", "6.18"),
  row("deliveredE0Bytes",     256, "u32", "bytes", "6.18"),
  row("deliveredCeBytes",     260, "u32", "bytes", "6.18"),
  row("receivedE1Bytes",      264, "u32", "bytes", "6.18"),
  row("receivedE0Bytes",      268, "u32", "bytes", "6.18"),
  row("receivedCeBytes",      272, "u32", "bytes", "6.18"),
  row("accecnFailMode",       276, "u16", "count", "6.18"),
  row("accecnOptSeen",        278, "u16", "count", "6.18"),
] as const satisfies readonly TcpInfoRow[];

const XNU = "https://github.com/apple-oss-distributions/xnu/blob/4f1223e81cd707a65cc109d0b8ad6653699da3c4";

const apple = <Name extends string>(
  name: Name,
  offset: number,
  type: TcpInfoType,
  unit: TcpInfoUnit,
  bits?: readonly [number, number],
): TcpInfoRow & { readonly name: Name } => ({
  name,
  offset,
  type,
  unit,
  bits,
  since: "10.11",
  source: `${XNU}/bsd/netinet/tcp.h`,
});

/** macOS. What it counts in other units than Linux has another name. */
// deno-fmt-ignore -- a table is read by its columns
export const DARWIN_TCP_INFO = [
  apple("state",             0, "u8",  "state"),
  apple("sndWscale",         1, "u8",  "count"),
  apple("rcvWscale",         2, "u8",  "count"),
  apple("timestamps",        4, "u32", "flag", [0, 1]),
  apple("sack",              4, "u32", "flag", [1, 1]),
  apple("windowScaling",     4, "u32", "flag", [2, 1]),
  apple("ecn",               4, "u32", "flag", [3, 1]),
  apple("rto",              12, "u32", "ms"),
  apple("sndMss",           16, "u32", "bytes"), // tcpi_maxseg
  apple("sndSsthreshBytes", 20, "u32", "bytes"),
  apple("sndCwndBytes",     24, "u32", "bytes"),
  apple("sndWnd",           28, "u32", "bytes"),
  apple("sndbufBytes",      32, "u32", "bytes"), // tcpi_snd_sbbytes
  apple("rcvWnd",           36, "u32", "bytes"),
  apple("rttCurrent",       40, "u32", "ms"), // tcpi_rttcur
  apple("rtt",              44, "u32", "ms"), // tcpi_srtt
  apple("rttvar",           48, "u32", "ms"),
  apple("segsOut",          56, "u64", "count"), // tcpi_txpackets
  apple("bytesSent",        64, "u64", "bytes"), // tcpi_txbytes
  apple("bytesRetrans",     72, "u64", "bytes"), // tcpi_txretransmitbytes
  apple("segsIn",           80, "u64", "count"), // tcpi_rxpackets
  apple("bytesReceived",    88, "u64", "bytes"), // tcpi_rxbytes
  apple("rcvOooBytes",      96, "u64", "bytes"), // tcpi_rxoutoforderbytes
  apple("totalRetrans",    104, "u64", "count"), // tcpi_txretransmitpackets
] as const satisfies readonly TcpInfoRow[];

/** The names of all fields but `state`. */
export type TcpInfoName = Exclude<
  (typeof LINUX_TCP_INFO)[number]["name"] | (typeof DARWIN_TCP_INFO)[number]["name"],
  "state"
>;
