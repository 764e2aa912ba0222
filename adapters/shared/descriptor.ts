/**
 * One socket of this process, reached by its file descriptor.
 *
 * Never reads SO_ERROR: that takes the error from the socket, and the next
 * read would tell a clean end.
 *
 * @module
 */
import type { SocketErrorCode } from "../../core/errors.ts";
import type { Vitals } from "../../core/health/vitals.ts";
import { codeOfErrno } from "../../core/tables/failure.ts";
import type { SockoptName, SockoptNumbers } from "../../core/tables/sockopt.ts";
import {
  decodeTcpInfo,
  type RawTcpInfo,
  TCP_INFO_BYTES,
  tcpRto,
  tcpState,
  tcpUnacked,
  tcpVitals,
} from "../../core/tcp_info.ts";
import type { TcpInfo } from "../../core/types.ts";
import type { Libc } from "./libc.ts";
import { familyOf, SOCKADDR_SIZE } from "./sockaddr.ts";

/** The C library of a process, with the numbers that its kernel understands. */
export interface Kernel {
  libc: Libc;
  numbers: SockoptNumbers;
  /** As `osName` gives it. */
  os: string;
}

/** What a runtime has an open socket by, as Node's handle or Bun's socket. */
export interface Holder {
  /** -1 as soon as the socket is closed. */
  readonly fd?: number;
}

/** States in which our FIN is sent and not acknowledged. */
const FIN_UNDERWAY: ReadonlySet<string | undefined> = new Set(["FIN_WAIT1", "CLOSING", "LAST_ACK"]);

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// Calls are synchronous and one at a time: one set of buffers does for all sockets.
const info = new Uint8Array(new ArrayBuffer(TCP_INFO_BYTES));
const rawInfo: RawTcpInfo = { view: new DataView(info.buffer), length: 0, littleEndian: LITTLE_ENDIAN };
const address = new Uint8Array(new ArrayBuffer(SOCKADDR_SIZE));
const cookie = new BigUint64Array(new ArrayBuffer(8));
const cookieBytes = new Uint8Array(cookie.buffer);
const pollEntry = new Uint8Array(new ArrayBuffer(8));
const pollFd = new Int32Array(pollEntry.buffer, 0, 1);
const pollEvents = new Int16Array(pollEntry.buffer, 4, 2);
/** AF_UNSPEC is 0 everywhere; BSD wants a length before it. */
const unspecified = new Uint8Array(new ArrayBuffer(16));

/** The same number on every system (`poll.h`). */
const POLLIN = 0x1;

/** POLLERR, the same number on every system (`poll.h`), which comes unasked. POLLHUP alone is an orderly end: both FINs are through. */
export const POLL_DEAD = 0x8;

/** A socket by its file descriptor. Values are in kernel units. */
export class Descriptor {
  /** The number of the file descriptor. */
  readonly fd: number;
  /** The errno of the last call that failed, positive. */
  errno = 0;
  readonly #libc: Libc;
  readonly #numbers: SockoptNumbers;
  readonly #os: string;
  readonly #holder: Holder | undefined;
  #cookie: bigint | undefined;

  /** @param holder where the runtime tells the number of an open socket, which then need not be asked who it is */
  constructor({ libc, numbers, os }: Kernel, fd: number, holder?: Holder) {
    this.fd = fd;
    this.#holder = holder;
    this.#libc = libc;
    this.#numbers = numbers;
    this.#os = os;
  }

  /** The value of an option; `undefined` where there is none, with the reason in `errno`. */
  get(name: SockoptName): number | undefined {
    const option = this.#numbers[name];
    if (!option) return undefined;
    const value = this.#libc.getInt(this.fd, option.level, option.name);
    if (value >= 0) return value;
    this.errno = -value;
    return undefined;
  }

  /** Sets an option. Gives 0, or the errno. */
  set(name: SockoptName, value: number): number {
    const option = this.#numbers[name]!; // whoever sets an option has planned with what the table has
    const result = this.#libc.setInt(this.fd, option.level, option.name, value);
    return result < 0 ? (this.errno = -result) : 0;
  }

  /** `TCP_NODELAY`. */
  get noDelay(): boolean {
    return Boolean(this.get("TCP_NODELAY"));
  }

  set noDelay(on: boolean) {
    this.set("TCP_NODELAY", on ? 1 : 0);
  }

  /** The kernel's own identity of the socket (SO_COOKIE), which no other socket ever has; `undefined` where the system has none. */
  get cookie(): bigint | undefined {
    const option = this.#numbers.SO_COOKIE;
    if (!option) return undefined;
    const length = this.#libc.getsockopt(this.fd, option.level, option.name, cookieBytes);
    return length === 8 ? cookie[0] : undefined;
  }

  /** Keeps the socket's identity, for {@link isSame} to compare later. */
  remember(): this {
    if (!this.#holder) this.#cookie ??= this.cookie;
    return this;
  }

  /** Whether the file descriptor is still the socket that was remembered; one that was never remembered was looked up just now. */
  isSame(): boolean {
    if (this.#holder) return this.#holder.fd === this.fd;
    return this.#cookie === undefined || this.#cookie === this.cookie;
  }

  /** Whether this is a Unix socket, which has no keepalive. */
  isUnix(): boolean {
    return this.#libc.getsockname(this.fd, address) > 0 && familyOf(address, this.#os) === "unix";
  }

  /**
   * Bytes of ours that the peer's kernel has not acknowledged; `undefined` where
   * the kernel does not tell, or the socket is closed. TCP_INFO has segments only,
   * and the last of them may be our FIN.
   */
  unacknowledged(): number | undefined {
    if (this.#os !== "linux" || !this.isSame()) return undefined;
    const state = this.#readInfo() ? tcpState(this.#os, rawInfo) : undefined;
    const count = this.#libc.unacknowledged(this.fd);
    if (state === undefined || count < 0) return undefined;
    return FIN_UNDERWAY.has(state) ? count - 1 : count;
  }

  /** What the kernel tells of the connection; `undefined` where it does not, with the reason in `errno`. */
  info(): TcpInfo | undefined {
    return this.#readInfo() ? decodeTcpInfo(this.#os, rawInfo) : undefined;
  }

  /** The retransmission timeout in milliseconds, without backoff; `undefined` where the kernel does not tell. */
  rto(): number | undefined {
    return this.#readInfo() ? tcpRto(this.#os, rawInfo) : undefined;
  }

  /** The few fields of it by which health is judged. Allocates nothing. */
  vitals(into: Vitals): boolean {
    return this.isSame() && this.#readInfo() && tcpVitals(this.#os, rawInfo, into);
  }

  /** How many connections wait in a listening socket's accept queue; `undefined` where the kernel does not tell. */
  queued(): number | undefined {
    if (!this.isSame() || !this.#readInfo()) return undefined;
    return tcpState(this.#os, rawInfo) === "LISTEN" ? tcpUnacked(this.#os, rawInfo) : undefined;
  }

  /** Ends the connection with a RST. Whether that was possible. The file descriptor stays open. */
  reset(): boolean {
    if (!this.isSame()) return false;
    // SO_LINGER {1, 0} does not do it on Deno, which shuts the socket down before it closes it: a FIN goes first.
    if (this.#os !== "linux") unspecified[0] = unspecified.length;
    return this.#libc.connect(this.fd, unspecified) === 0;
  }

  /** Whether neither an error nor the end of both directions shows at the socket. Nothing is consumed. */
  isAlive(): boolean {
    return this.#poll(0) === 0;
  }

  /** Whether a read would give something at once: bytes, an end or an error. */
  hasInput(): boolean {
    return this.#poll(POLLIN) > 0;
  }

  /**
   * The error that a dead socket died of, which is taken from it: to be asked
   * only after {@link isAlive} said no, and when no read can tell any more,
   * because the peer's FIN was read.
   */
  diagnose(): SocketErrorCode | undefined {
    if (!this.isSame()) return undefined;
    const result = this.#libc.sendNothing(this.fd);
    return result < 0 ? codeOfErrno(this.#os, -result) : undefined;
  }

  #poll(events: number): number {
    pollFd[0] = this.fd;
    pollEvents[0] = events;
    return this.#libc.poll(pollEntry, 1);
  }

  /** Fills `rawInfo`; whether the kernel did. */
  #readInfo(): boolean {
    const option = this.#numbers.TCP_INFO;
    if (!option) return false;
    rawInfo.length = this.#libc.getsockopt(this.fd, option.level, option.name, info);
    if (rawInfo.length < 0) this.errno = -rawInfo.length;
    return rawInfo.length > 0;
  }
}
