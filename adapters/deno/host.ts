/**
 * The few members of Deno that keepwire uses, typed by ourselves: the types of
 * one runtime must not reach the projects of another one's users.
 *
 * @module
 */
import type { Runtime } from "../../core/types.ts";

/** What is used of `Deno` besides connections and listeners. */
export interface Host {
  build: { os: string; arch: string };
  version: { deno: string };
  permissions: {
    querySync(what: { name: "ffi" | "read"; path?: string }): { state: string; partial?: boolean };
  };
  readTextFileSync(path: string): string;
  dlopen(path: string, symbols: Record<string, ForeignSymbol>): DynamicLibrary;
  unrefTimer(id: number): void;
  refTimer(id: number): void;
  connect(options: Record<string, unknown>): Promise<DenoConn>;
  connectTls(options: Record<string, unknown>): Promise<DenoTlsConn>;
  listenTls(options: Record<string, unknown>): DenoListener;
  createHttpClient(options: Record<string, unknown>): { close(): void };
  startTls(conn: DenoConn, options: Record<string, unknown>): Promise<DenoTlsConn>;
  listen(options: Record<string, unknown>): DenoListener;
  /** Only with the flag `--unstable-net`. */
  listenDatagram?: unknown;
}

/** A function of a dynamic library. */
export interface ForeignSymbol {
  parameters: readonly string[];
  result: string;
}

/** What `Deno.dlopen` gives. */
export interface DynamicLibrary {
  symbols: Record<string, (...args: unknown[]) => unknown>;
}

/** One end, as Deno tells it. */
export interface DenoAddr {
  transport: "tcp" | "unix";
  hostname: string;
  port: number;
  path: string | null;
}

/** What is used of a `Deno.TcpConn` or `Deno.UnixConn`. */
export interface DenoConn {
  readonly localAddr: DenoAddr;
  readonly remoteAddr: DenoAddr;
  read(into: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** Not on a Unix socket, and not with TLS. */
  setNoDelay?(on: boolean): void;
  ref(): void;
  unref(): void;
}

/** What is used of a `Deno.TlsConn`, which has no setters. */
export interface DenoTlsConn extends DenoConn {
  handshake(): Promise<{ alpnProtocol: string | null }>;
}

/** What is used of a `Deno.Listener`. */
export interface DenoListener {
  readonly addr: DenoAddr;
  accept(): Promise<DenoConn>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** The runtime of this adapter. */
export const runtime: Runtime = "deno";

/** The runtime's global object; a `TypeError` on another runtime. */
export function host(): Host {
  const { Deno } = globalThis as unknown as { Deno?: Host };
  if (!Deno?.version?.deno) {
    throw new TypeError("The Deno adapter of keepwire runs on Deno only");
  }
  return Deno;
}

/** The runtime's version, as `2.9.6`. */
export function version(): string {
  return host().version.deno;
}

/** The operating system by keepwire's name for it. */
export function os(): string {
  return host().build.os;
}

/** The processor, as `x64` or `arm64`. */
export function arch(): string {
  const { arch } = host().build;
  return { x86_64: "x64", aarch64: "arm64" }[arch] ?? arch;
}

/** A module of the runtime, or `undefined` where it has none of that name. */
export function builtin<Module>(id: string): Module | undefined {
  const { process } = globalThis as unknown as {
    process?: { getBuiltinModule?(id: string): unknown };
  };
  return process?.getBuiltinModule?.(id) as Module | undefined;
}

/** The text of a file; `undefined` where it cannot be read. Nobody is asked for permission. */
export function readText(path: string): string | undefined {
  const { permissions, readTextFileSync } = host();
  if (permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    return readTextFileSync(path);
  } catch {
    return undefined; // for /proc all permissions are needed, and the query does not say so
  }
}

/** Lets the process end while this timer is running. */
export function unrefTimer(timer: unknown): void {
  // A number in older versions; in 2.9 an object, with which Deno.unrefTimer does nothing.
  if (typeof timer === "number") host().unrefTimer(timer);
  else (timer as { unref(): void }).unref();
}

/** Undoes {@link unrefTimer}. */
export function refTimer(timer: unknown): void {
  if (typeof timer === "number") host().refTimer(timer);
  else (timer as { ref(): void }).ref();
}
