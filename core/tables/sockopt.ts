/**
 * Socket option numbers per operating system. Data; one source link a line.
 *
 * `TCP_USER_TIMEOUT` stands only under linux. What other systems have means
 * something else: macOS's TCP_RXT_CONNDROPTIME and Windows's TCP_MAXRT count
 * whole seconds of retransmission only and do not end an idle or a zero-window
 * connection, FreeBSD's TCP_MAXUNACKTIME is write-only and for one TCP stack,
 * illumos's TCP_ABORT_THRESHOLD has no "system default" that could be put back.
 *
 * @module
 */
import type { KernelName } from "./names.ts";

/** The options that have a row: those of keepalive, and those an adapter reads to know a socket. */
export type SockoptName =
  | KernelName
  | "TCP_NODELAY"
  | "TCP_INFO"
  | "SO_COOKIE"
  | "SO_ACCEPTCONN";

/** What the number of an option counts: seconds, milliseconds, probes, off and on, or a structure of bytes. */
export type SockoptUnit = "s" | "ms" | "probes" | "switch" | "bytes";

/** One option on one operating system. */
export interface Sockopt {
  /** Second argument of `getsockopt(2)`. */
  level: number;
  /** Third argument of `getsockopt(2)`. */
  name: number;
  unit: SockoptUnit;
  /** Where the number stands. */
  source: string;
}

/** The options of one operating system; an option that is not there has no number. */
export type SockoptNumbers = Partial<Record<SockoptName, Sockopt>>;

const IPPROTO_TCP = 6;
const GO = "https://github.com/golang/sys/blob/e8c1c3274309bd87f360205f5706e986ceccb317";
const LINUX = `${GO}/unix/zerrors_linux.go`;
const LINUX_SO = `${GO}/unix/zerrors_linux_amd64.go`;
const DARWIN = `${GO}/unix/zerrors_darwin_arm64.go`;
const FREEBSD = `${GO}/unix/zerrors_freebsd_amd64.go`;
const NETBSD = `${GO}/unix/zerrors_netbsd_amd64.go`;
const DRAGONFLY = `${GO}/unix/zerrors_dragonfly_amd64.go`;
const ILLUMOS = `${GO}/unix/zerrors_solaris_amd64.go`;
const AIX = `${GO}/unix/zerrors_aix_ppc64.go`;
const WINDOWS = `${GO}/windows/types_windows.go`;

const so = (
  level: number,
  name: number,
  unit: SockoptUnit,
  source: string,
): Sockopt => ({ level, name, unit, source });
const tcp = (name: number, unit: SockoptUnit, source: string): Sockopt => so(IPPROTO_TCP, name, unit, source);

/** Option numbers by operating system. OpenBSD stands there with no options: it has none that a socket can set. */
export const SOCKOPTS: Readonly<Record<string, SockoptNumbers>> = {
  linux: {
    SO_KEEPALIVE: so(1, 9, "switch", `${LINUX_SO}#L359`),
    TCP_KEEPIDLE: tcp(4, "s", `${LINUX}#L3813`),
    TCP_KEEPINTVL: tcp(5, "s", `${LINUX}#L3814`),
    TCP_KEEPCNT: tcp(6, "probes", `${LINUX}#L3812`),
    TCP_USER_TIMEOUT: tcp(18, "ms", `${LINUX}#L3848`),
    TCP_NODELAY: tcp(1, "switch", `${LINUX}#L3827`),
    TCP_INFO: tcp(11, "bytes", `${LINUX}#L3810`),
    SO_COOKIE: so(1, 57, "bytes", `${LINUX_SO}#L348`),
    SO_ACCEPTCONN: so(1, 30, "switch", `${LINUX_SO}#L335`),
  },
  darwin: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${DARWIN}#L1382`),
    TCP_KEEPIDLE: tcp(0x10, "s", `${DARWIN}#L1478`), // TCP_KEEPALIVE there
    TCP_KEEPINTVL: tcp(0x101, "s", `${DARWIN}#L1480`),
    TCP_KEEPCNT: tcp(0x102, "probes", `${DARWIN}#L1479`),
    TCP_NODELAY: tcp(1, "switch", `${DARWIN}#L1489`),
    TCP_INFO: tcp(0x106, "bytes", `${DARWIN}#L1475`), // TCP_CONNECTION_INFO there
    SO_ACCEPTCONN: so(0xffff, 2, "switch", `${DARWIN}#L1376`),
  },
  freebsd: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${FREEBSD}#L1466`),
    TCP_KEEPIDLE: tcp(0x100, "s", `${FREEBSD}#L1609`),
    TCP_KEEPINTVL: tcp(0x200, "s", `${FREEBSD}#L1611`),
    TCP_KEEPCNT: tcp(0x400, "probes", `${FREEBSD}#L1608`),
    TCP_NODELAY: tcp(1, "switch", `${FREEBSD}#L1628`),
    SO_ACCEPTCONN: so(0xffff, 2, "switch", `${FREEBSD}#L1458`),
  },
  netbsd: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${NETBSD}#L1312`),
    TCP_KEEPIDLE: tcp(3, "s", `${NETBSD}#L1370`),
    TCP_KEEPINTVL: tcp(5, "s", `${NETBSD}#L1372`),
    TCP_KEEPCNT: tcp(6, "probes", `${NETBSD}#L1369`),
    TCP_NODELAY: tcp(1, "switch", `${NETBSD}#L1380`),
    SO_ACCEPTCONN: so(0xffff, 2, "switch", `${NETBSD}#L1306`),
  },
  dragonfly: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${DRAGONFLY}#L1277`),
    TCP_KEEPIDLE: tcp(0x100, "s", `${DRAGONFLY}#L1336`),
    TCP_KEEPINTVL: tcp(0x200, "s", `${DRAGONFLY}#L1338`),
    TCP_KEEPCNT: tcp(0x400, "probes", `${DRAGONFLY}#L1335`),
    TCP_NODELAY: tcp(1, "switch", `${DRAGONFLY}#L1348`),
    SO_ACCEPTCONN: so(0xffff, 2, "switch", `${DRAGONFLY}#L1270`),
  },
  // Not for Solaris 11.4, which has 0x1d, 0x1e and 0x1f: Node calls both "sunos", and so gets no numbers.
  illumos: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${ILLUMOS}#L985`),
    TCP_KEEPIDLE: tcp(0x22, "s", `${ILLUMOS}#L1080`),
    TCP_KEEPINTVL: tcp(0x24, "s", `${ILLUMOS}#L1081`),
    TCP_KEEPCNT: tcp(0x23, "probes", `${ILLUMOS}#L1079`),
    TCP_NODELAY: tcp(1, "switch", `${ILLUMOS}#L1085`),
    SO_ACCEPTCONN: so(0xffff, 2, "switch", `${ILLUMOS}#L964`),
  },
  aix: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${AIX}#L789`),
    TCP_KEEPIDLE: tcp(0x11, "s", `${AIX}#L907`),
    TCP_KEEPINTVL: tcp(0x12, "s", `${AIX}#L908`),
    TCP_KEEPCNT: tcp(0x13, "probes", `${AIX}#L906`),
    TCP_NODELAY: tcp(1, "switch", `${AIX}#L919`),
    SO_ACCEPTCONN: so(0xffff, 2, "switch", `${AIX}#L782`),
  },
  windows: {
    SO_KEEPALIVE: so(0xffff, 8, "switch", `${WINDOWS}#L1063`),
    TCP_KEEPIDLE: tcp(3, "s", `${WINDOWS}#L1134`),
    TCP_KEEPINTVL: tcp(17, "s", `${WINDOWS}#L1135`),
    TCP_KEEPCNT: tcp(16, "probes", `${WINDOWS}#L1133`),
    TCP_NODELAY: tcp(1, "switch", `${WINDOWS}#L1118`),
  },
  openbsd: {},
};

/**
 * Architectures whose Linux has the generic SO_* numbers, as Node (`x64`) and
 * Deno (`x86_64`) name them. mips, sparc, parisc and alpha have others
 * (asm/socket.h of each), and one that is not known might have.
 */
export const GENERIC_LINUX_ARCHS: Readonly<Record<string, string>> = {
  x64: LINUX_SO,
  x86_64: LINUX_SO,
  ia32: `${GO}/unix/zerrors_linux_386.go`,
  arm: `${GO}/unix/zerrors_linux_arm.go`,
  arm64: `${GO}/unix/zerrors_linux_arm64.go`,
  aarch64: `${GO}/unix/zerrors_linux_arm64.go`,
  ppc64: `${GO}/unix/zerrors_linux_ppc64le.go`,
  riscv64: `${GO}/unix/zerrors_linux_riscv64.go`,
  s390x: `${GO}/unix/zerrors_linux_s390x.go`,
  loong64: `${GO}/unix/zerrors_linux_loong64.go`,
};

/**
 * The option numbers of an operating system; `undefined` for one that is not
 * in the table, which has no numbers and never Linux's.
 *
 * @param os As {@link osName} gives it.
 * @param arch As the runtime names it. Only Linux's numbers depend on it.
 */
export function sockoptNumbers(
  os: string,
  arch: string,
): SockoptNumbers | undefined {
  if (!Object.hasOwn(SOCKOPTS, os)) return undefined;
  if (os === "linux" && !Object.hasOwn(GENERIC_LINUX_ARCHS, arch)) {
    return undefined;
  }
  return SOCKOPTS[os];
}

/**
 * One name per operating system, from what a runtime calls it: Node's `win32`
 * is `windows`; all others stay as they are.
 */
export function osName(platform: string): string {
  return platform === "win32" ? "windows" : platform;
}
