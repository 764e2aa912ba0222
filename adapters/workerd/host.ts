/**
 * The few members of workerd that keepwire uses, typed by ourselves: the types
 * of one runtime must not reach the projects of another one's users.
 *
 * @module
 */
import type { Runtime } from "../../core/types.ts";

/** What is used of `process`, which is there by the compatibility flag `nodejs_compat`. */
export interface Host {
  platform: string;
  arch: string;
  getBuiltinModule(id: string): unknown;
}

/** The runtime of this adapter. */
export const runtime: Runtime = "workerd";

/**
 * Whether this is workerd. What libraries ask for, the user agent, is put on
 * by programs on other runtimes that use such libraries; a class of workerd's
 * own is not.
 */
export function isWorkerd(): boolean {
  const { navigator, WebSocketPair, Deno, Bun } = globalThis as unknown as Record<string, unknown>;
  const { userAgent } = (navigator ?? {}) as { userAgent?: unknown }; // any value may be asked for a property
  return userAgent === "Cloudflare-Workers" && typeof WebSocketPair === "function" && !Deno && !Bun;
}

/** The runtime's `process`; a `TypeError` on another runtime, and where workerd was configured without one. */
export function host(): Host {
  if (!isWorkerd()) throw new TypeError("The workerd adapter of keepwire runs on workerd only");
  const { process } = globalThis as unknown as { process?: Partial<Host> };
  if (!process?.getBuiltinModule) {
    throw new TypeError(
      "keepwire needs the compatibility flag nodejs_compat, which is the default since the compatibility date 2026-08-04",
    );
  }
  return process as Host; // the other members came with it
}

/** Empty: workerd does not tell its version. */
export function version(): string {
  return "";
}

/** The operating system by keepwire's name for it: `linux`, whatever is beneath. */
export function os(): string {
  return host().platform;
}

/** The processor, as `x64` or `arm64`. */
export function arch(): string {
  return host().arch;
}

/** A module of the runtime, or `undefined` where it has none of that name. */
export function builtin<Module>(id: string): Module | undefined {
  return host().getBuiltinModule(id) as Module | undefined;
}

/** There are no files. */
export function readText(_path: string): undefined {}

/** Timers end with the request that made them. */
export function unrefTimer(_timer: unknown): void {}

/** What is used of the `Socket` of `cloudflare:sockets`. */
export interface WorkerdSocket {
  readonly opened: Promise<unknown>;
  readonly closed: Promise<void>;
  readonly readable: { getReader(options: { mode: "byob" }): WorkerdReader };
  readonly writable: { getWriter(): WorkerdWriter };
  close(): Promise<void>;
  /** Another socket over the same connection, with TLS; this one and its streams are of no use any more. */
  startTls(): WorkerdSocket;
}

/** What is used of the reader of its byte stream. */
export interface WorkerdReader {
  /** Takes the memory away from `view`, and gives it back in `value`. */
  read(view: Uint8Array): Promise<{ done: boolean; value?: Uint8Array }>;
  /** Throws while a read waits. */
  releaseLock(): void;
}

/** What is used of its writer. */
export interface WorkerdWriter {
  /** Resolves when the kernel has it. */
  write(data: Uint8Array): Promise<void>;
  /** Sends a FIN. */
  close(): Promise<void>;
  releaseLock(): void;
}

/** What is used of `cloudflare:sockets`. */
export interface SocketsModule {
  connect(
    address: { hostname: string; port: number },
    options: { allowHalfOpen: boolean; secureTransport: "off" | "on" | "starttls" },
  ): WorkerdSocket;
}

/** `cloudflare:sockets`: workerd's own, also where a bundler puts another module in the place of that name. */
export function sockets(): SocketsModule {
  return builtin<SocketsModule>("cloudflare:sockets")!; // every workerd has it
}
