/**
 * The outside judge, as tests ask it: what the kernel holds for the sockets of
 * a process, read by `tests/oracle/oracle.py` and never by the library.
 *
 * @module
 */
import process from "node:process";
import type { Address } from "../../core/types.ts";
import { LineProcess } from "./line_process.ts";

/** An address as the library has it, or `host:port` / `[host]:port`. */
export type AddressLike = Address | string;

/** A connection's two ends; a keepwire `Connection` is one. */
export interface Ends {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
}

/** What the kernel holds for one TCP socket, in the kernel's own units (seconds; `usertimeout` in ms). */
export interface HeldSocket {
  fd: number;
  family: "ipv4" | "ipv6";
  /** v4-mapped IPv6 addresses are written as the IPv4 they are. */
  local: string | null;
  remote: string | null;
  listening: boolean;
  state: string;
  keepalive: boolean;
  keepidle: number;
  keepintvl: number;
  keepcnt: number;
  usertimeout: number;
  nodelay: boolean;
}

/** The same in the library's words: durations in milliseconds. */
export interface HeldKeepAlive {
  enabled: boolean;
  idle: number;
  interval: number;
  count: number;
  userTimeout: number;
}

/** Options to preset, in kernel units. */
export interface Preset {
  keepalive?: boolean;
  keepidle?: number;
  keepintvl?: number;
  keepcnt?: number;
  usertimeout?: number;
}

/** Which socket: by fd, by both addresses, or (with `local` alone) a listener. */
export type Target = { fd: number } | {
  local: AddressLike;
  remote?: AddressLike;
};

/** Open files of a process; `tcp` and `unix` are among `sockets`. */
export interface FdCounts {
  sockets: number;
  tcp: number;
  unix: number;
  other: number;
  total: number;
}

/** Odd values, unlike every default: what "left alone" must leave. */
export const ODD_VALUES = { keepidle: 111, keepintvl: 22, keepcnt: 7 } as const;

/** `host:port`, with brackets around IPv6. */
export function addressText(address: AddressLike): string {
  if (typeof address === "string") return address;
  if (address.transport === "unix") {
    throw new TypeError("A Unix socket has no TCP address to look for");
  }
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** What the kernel holds, in the library's words and units. */
export function inLibraryUnits(held: HeldSocket): HeldKeepAlive {
  return {
    enabled: held.keepalive,
    idle: held.keepidle * 1000,
    interval: held.keepintvl * 1000,
    count: held.keepcnt,
    userTimeout: held.usertimeout,
  };
}

/** One judge; it looks at this process unless told otherwise. */
export class Oracle {
  readonly #process: LineProcess;
  readonly #pid: number;

  private constructor(lines: LineProcess, pid: number) {
    this.#process = lines;
    this.#pid = pid;
  }

  /** Starts the reader for the sockets of `pid`, this process by default. */
  static start(pid: number = process.pid): Oracle {
    return new Oracle(new LineProcess("oracle"), pid);
  }

  /** The same reader, looking at another process. */
  of(pid: number): Oracle {
    return new Oracle(this.#process, pid);
  }

  /** Whether it can still be asked. */
  get alive(): boolean {
    return this.#process.gone === undefined;
  }

  /** The connection with these two addresses. */
  async read(local: AddressLike, remote: AddressLike): Promise<HeldSocket> {
    return await this.#ask("read", target({ local, remote })) as HeldSocket;
  }

  /** The socket with this fd. */
  async readFd(fd: number): Promise<HeldSocket> {
    return await this.#ask("read", { fd }) as HeldSocket;
  }

  /** The socket that listens on this address. */
  async readListener(local: AddressLike): Promise<HeldSocket> {
    return await this.#ask("readListener", target({ local })) as HeldSocket;
  }

  /** Keepalive of a connection in the library's words, to compare with literal values or a status. */
  async keepAliveOf(ends: Ends): Promise<HeldKeepAlive> {
    return inLibraryUnits(
      await this.read(ends.localAddress, ends.remoteAddress),
    );
  }

  /** Every TCP socket of the process: connected, listening, or neither. 4,000 take 0.1 s. */
  async all(): Promise<HeldSocket[]> {
    return (await this.#process.request("all", { pid: this.#pid }))
      .sockets as HeldSocket[];
  }

  /** Presets a socket from outside. */
  async set(which: Target, values: Preset): Promise<HeldSocket> {
    return await this.#ask("set", {
      ...target(which),
      ...values,
    }) as HeldSocket;
  }

  /** Presets a connection to {@link ODD_VALUES}. */
  presetOdd(ends: Ends): Promise<HeldSocket> {
    return this.set(
      { local: ends.localAddress, remote: ends.remoteAddress },
      ODD_VALUES,
    );
  }

  async tcpInfo(which: Target): Promise<Record<string, number | string>> {
    const found = await this.#process.request("tcpinfo", {
      pid: this.#pid,
      ...target(which),
    });
    return found.info as Record<string, number | string>;
  }

  async countFds(): Promise<FdCounts> {
    return (await this.#process.request("countFds", { pid: this.#pid }))
      .counts as FdCounts;
  }

  /** Resident bytes now, and the most since the start or the last `resetPeak`. */
  async rss(resetPeak = false): Promise<{ rss: number; highWater: number }> {
    const found = await this.#process.request("rss", {
      pid: this.#pid,
      resetPeak,
    });
    return found.memory as { rss: number; highWater: number };
  }

  /** The least and the most resident bytes seen during `milliseconds`. */
  async sampleRss(
    milliseconds: number,
  ): Promise<{ low: number; high: number }> {
    const fields = { pid: this.#pid, seconds: milliseconds / 1000 };
    const found = await this.#process.request(
      "sampleRss",
      fields,
      milliseconds + 10_000,
    );
    return found.memory as { low: number; high: number };
  }

  /** Milliseconds of processor time that the process has used, in steps of 10. */
  async cpuTime(): Promise<number> {
    const found = await this.#process.request("cpu", { pid: this.#pid });
    return (found.seconds as number) * 1000;
  }

  close(): Promise<void> {
    return this.#process.close();
  }

  async #ask(op: string, fields: Record<string, unknown>): Promise<unknown> {
    return (await this.#process.request(op, { pid: this.#pid, ...fields }))
      .socket;
  }
}

function target(which: Target): Record<string, unknown> {
  if ("fd" in which) return { fd: which.fd };
  const { local, remote } = which;
  return { local: addressText(local), remote: remote && addressText(remote) };
}
