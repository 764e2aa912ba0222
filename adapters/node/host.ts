/**
 * The few members of Node that keepwire uses, typed by ourselves: the types of
 * one runtime must not reach the projects of another one's users.
 *
 * @module
 */
import type { Runtime } from "../../core/types.ts";
import type { CryptoModule, TlsModule as SharedTlsModule, X509Certificate } from "../shared/certificates.ts";

/** What is used of `process`. */
export interface Host {
  platform: string;
  arch: string;
  version: string;
  env: Record<string, string | undefined>;
  getBuiltinModule?(id: string): unknown;
  /** Only with the flag `--permission`. */
  permission?: { has(scope: string): boolean };
}

/** The runtime of this adapter. */
export const runtime: Runtime = "node";

/** The runtime's global object; a `TypeError` on another runtime. */
export function host(): Host {
  const { process, Deno, Bun, WebSocketPair } = globalThis as unknown as {
    process?: Host;
    Deno?: unknown;
    Bun?: unknown;
    WebSocketPair?: unknown;
  };
  // Deno, Bun and workerd have a `process` too, and a node:net that behaves otherwise.
  if (!process || Deno || Bun || WebSocketPair) {
    throw new TypeError("The Node adapter of keepwire runs on Node only");
  }
  if (!process.getBuiltinModule) throw new TypeError("keepwire needs Node 20.16 or newer");
  return process;
}

/** The runtime's version, as `24.19.0`. */
export function version(): string {
  return host().version.replace(/^v/, "");
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

/** A variable of the environment. */
export function environment(name: string): string | undefined {
  return host().env[name];
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

/** What is used of libuv's handle under a `net.Socket`. */
export interface NetHandle {
  fd: number;
  /** Whether `net.Socket` believes that libuv is reading. */
  reading: boolean;
  readonly writeQueueSize: number;
  readStart(): number;
  readStop(): number;
  /** A pipe has none. */
  setNoDelay?(on: boolean): number;
}

/** What is used of a `net.Socket`. */
export interface NetSocket {
  _handle: NetHandle | null;
  _server?: unknown;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  connect(options: Record<string, unknown>): void;
  write(data: Uint8Array, done: (error?: Error | null) => void): boolean;
  end(done: (error?: Error | null) => void): void;
  destroy(error?: Error): unknown;
  push(chunk: unknown): boolean;
  resetAndDestroy(): void;
  on(event: string, listener: (...args: unknown[]) => void): void;
  once(event: string, listener: (...args: unknown[]) => void): void;
  off(event: string, listener: (...args: unknown[]) => void): void;
  ref(): void;
  unref(): void;
}

/** What is used of a `net.Server`. */
export interface NetServer {
  _handle: { fd: number } | null;
  listen(options: Record<string, unknown>): void;
  close(): void;
  address(): { address: string; port: number } | string | null;
  on(event: string, listener: (argument: unknown) => void): void;
  once(event: string, listener: (argument: unknown) => void): void;
  off(event: string, listener: (argument: unknown) => void): void;
  ref(): void;
  unref(): void;
}

/** What is used of `node:net`. */
export interface NetModule {
  Socket: { new (options: Record<string, unknown>): NetSocket; prototype: NetSocket };
  createServer(options: Record<string, unknown>): NetServer;
}

/** `node:net`. */
export function net(): NetModule {
  return builtin<NetModule>("node:net")!;
}

/** What is used of a `tls.TLSSocket`. */
export interface TlsSocket extends NetSocket {
  /** `false` where none was negotiated. */
  readonly alpnProtocol: string | false | null;
  getProtocol(): string | null;
  getPeerX509Certificate(): X509Certificate | undefined;
}

/** What is used of the handle under a `tls.TLSSocket`. */
export interface TlsHandle extends NetHandle {
  /** What OpenSSL found wrong with the peer's certificate. */
  verifyError(): Error | null | undefined;
}

/** What is used of a `tls.SecureContext`. */
export interface SecureContext {
  /** OpenSSL's. `addCACert` is not documented; Node itself calls it for each text of the option `ca`. */
  context: { addCACert(pem: string): void };
}

/** What is used of `node:tls`. */
export interface TlsModule extends Pick<SharedTlsModule, "checkServerIdentity"> {
  getCACertificates?: SharedTlsModule["getCACertificates"];
  createSecureContext(options: Record<string, unknown>): SecureContext;
  connect(options: Record<string, unknown>): TlsSocket;
  TLSSocket: new (socket: NetSocket, options: Record<string, unknown>) => TlsSocket;
}

/** `node:crypto`. */
export function crypto(): CryptoModule {
  return builtin<CryptoModule>("node:crypto")!;
}

/** `node:tls`. */
export function tls(): TlsModule {
  return builtin<TlsModule>("node:tls")!;
}
