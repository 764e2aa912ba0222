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
    querySync(what: { name: "ffi"; path?: string }): { state: string; partial?: boolean };
  };
  dlopen(path: string, symbols: Record<string, ForeignSymbol>): DynamicLibrary;
  UnsafePointerView: new (pointer: unknown) => { getInt32(): number };
  unrefTimer(id: number): void;
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

/** Lets the process end while this timer is running. */
export function unrefTimer(timer: unknown): void {
  // A number in older versions; in 2.9 an object, with which Deno.unrefTimer does nothing.
  if (typeof timer === "number") host().unrefTimer(timer);
  else (timer as { unref(): void }).unref();
}
