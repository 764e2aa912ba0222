/**
 * The few members of Bun that keepwire uses, typed by ourselves: the types of
 * one runtime must not reach the projects of another one's users.
 *
 * @module
 */
import type { Runtime } from "../../core/types.ts";

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

/** Lets the process end while this timer is running. */
export function unrefTimer(timer: unknown): void {
  (timer as { unref(): void }).unref();
}
