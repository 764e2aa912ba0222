/**
 * The few members of Bun that keepwire uses, typed by ourselves: the types of
 * one runtime must not reach the projects of another one's users.
 *
 * @module
 */
import type { Runtime } from "../../core/types.ts";
import type { CryptoModule, LegacyCertificate, TlsModule, X509Certificate } from "../shared/certificates.ts";

/** What is used of `process`. */
export interface Host {
  platform: string;
  arch: string;
  versions: { bun?: string };
  getBuiltinModule?(id: string): unknown;
}

/** The runtime of this adapter. */
export const runtime: Runtime = "bun";

/** The runtime's global object; a `TypeError` on another runtime. */
export function host(): Host {
  const { process } = globalThis as unknown as { process?: Host };
  if (!process?.versions?.bun) {
    throw new TypeError("The Bun adapter of keepwire runs on Bun only");
  }
  return process;
}

/** The runtime's version, as `1.4.5`. */
export function version(): string {
  return host().versions.bun!;
}

/** The operating system by keepwire's name for it. */
export function os(): string {
  const { platform } = host();
  return platform === "win32" ? "windows" : platform;
}

/** The processor, as `x64` or `arm64`. */
export function arch(): string {
  return host().arch;
}

/** A module of the runtime, or `undefined` where it has none of that name. */
export function builtin<Module>(id: string): Module | undefined {
  return host().getBuiltinModule?.(id) as Module | undefined;
}

/** The text of a file; `undefined` where it cannot be read. Nobody is asked for permission. */
export function readText(path: string): string | undefined {
  try {
    return builtin<FileModule>("node:fs")?.readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Lets the process end while this timer is running. */
export function unrefTimer(timer: unknown): void {
  (timer as { unref(): void }).unref();
}

/** What is used of `node:fs`. */
export interface FileModule {
  readFileSync(path: string, encoding: "utf8"): string;
}

/** What is used of Bun's `Socket`. */
export interface BunSocket {
  /** Whom the handlers tell; it may be exchanged. */
  data: SocketEvents;
  /** -1 when it is closed. */
  readonly fd: number;
  /** 1 is open; -1 closed. */
  readonly readyState: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /** Gives what the kernel took; -1 where it refused, and why is nowhere but in errno. */
  write(data: Uint8Array, offset?: number, length?: number): number;
  shutdown(): void;
  close(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(on: boolean): boolean;
  /** Gives a tap of what goes over the wire, and the socket with TLS; this one is closed. */
  upgradeTLS(options: Record<string, unknown>): [BunSocket, BunTlsSocket];
  ref(): void;
  unref(): void;
}

/** What is used of a `Socket` with TLS. */
export interface BunTlsSocket extends BunSocket {
  /** `false` where none was negotiated. */
  readonly alpnProtocol: string | false | null;
  getTLSVersion(): string;
  getPeerCertificate(): LegacyCertificate;
  getPeerX509Certificate(): X509Certificate | undefined;
}

/** What Bun tells of one socket; which one, `data` of the socket knows. */
export interface SocketEvents {
  opened(socket: BunSocket): void;
  /** There may be room for writing. */
  drained(): void;
  received(chunk: Uint8Array): void;
  ended(): void;
  closed(error: Error | undefined): void;
}

/** What Bun tells of one socket with TLS. */
export interface TlsEvents extends SocketEvents {
  /** The handshake is done, and an alert came, or a record that is none. */
  failed(error: Error): void;
  /** The handshake is over. */
  shaken(socket: BunTlsSocket, done: boolean, error: Error | null): void;
}

/** What is used of Bun's listener. */
export interface BunListener {
  readonly port: number;
  stop(closeActive: boolean): void;
  ref(): void;
  unref(): void;
}

/** What is used of `Bun`. */
export interface BunApi {
  connect(options: Record<string, unknown>): Promise<BunSocket>;
  listen(options: Record<string, unknown>): BunListener;
}

/** What is used of `node:dns`. */
export interface DnsModule {
  promises: { lookup(hostname: string, options: { all: true }): Promise<LookedUp[]> };
}

/** One address of a name. */
export interface LookedUp {
  address: string;
  family: number;
}

/** What is used of `node:os`. */
export interface OsModule {
  networkInterfaces(): Record<string, { scopeid?: number }[] | undefined>;
}

/** The runtime's own module. */
export function bun(): BunApi {
  host();
  return (globalThis as unknown as { Bun: BunApi }).Bun;
}

/** One object for all sockets: each socket then costs no closures. */
export const handlers = {
  binaryType: "uint8array",
  open: (socket: BunSocket): void => socket.data.opened(socket),
  drain: (socket: BunSocket): void => socket.data.drained(),
  data: (socket: BunSocket, chunk: Uint8Array): void => socket.data.received(chunk),
  end: (socket: BunSocket): void => socket.data.ended(),
  close: (socket: BunSocket, error?: Error): void => socket.data.closed(error),
};

/** The same with TLS. */
export const tlsHandlers = {
  ...handlers,
  handshake: (socket: BunTlsSocket, done: boolean, error: Error | null): void =>
    (socket.data as TlsEvents).shaken(socket, done, error), // what a wire is made with, until there is one
  error: (socket: BunTlsSocket, error: Error): void => (socket.data as Partial<TlsEvents>).failed?.(error), // whoever does not listen any more has none
};

/** `node:crypto`. */
export function crypto(): CryptoModule {
  return builtin<CryptoModule>("node:crypto")!;
}

/** `node:tls`. */
export function tls(): TlsModule {
  return builtin<TlsModule>("node:tls")!;
}
