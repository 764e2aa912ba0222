/**
 * The modules of Node that streams are made of, which Deno and Bun have too.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Timers } from "./idle_clock.ts";

/** What is used of them. */
export interface Builtins {
  buffer: { Buffer: typeof Buffer };
  stream: { Duplex: typeof Duplex };
  timers: Timers & { setImmediate(action: () => void): unknown };
}

let loaded: Builtins | undefined;

/**
 * Loads them, on first use.
 *
 * @throws {TypeError} The runtime has no `node:stream`.
 */
export function builtins(): Builtins {
  return loaded ??= { buffer: load("node:buffer"), stream: load("node:stream"), timers: load("node:timers") };
}

const warned = new Set<string>();

/** Tells the process, once for each `subject`: on standard error, and by its event `warning`. */
export function warn(subject: string, error: Error): void {
  if (warned.has(subject)) return;
  warned.add(subject);
  const { process } = globalThis as { process?: { emitWarning?(warning: Error): void } };
  process?.emitWarning?.(error);
}

function load<Module>(id: string): Module {
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
  const found = process?.getBuiltinModule?.(id);
  if (!found) throw new TypeError(`Cannot make a Node stream: this runtime has no ${id}`);
  return found as Module;
}
