/**
 * Which runtime this is, where the repository lies, and which Python to use.
 *
 * @module
 */
import process from "node:process";

/** The runtime the tests run on. */
export interface CurrentRuntime {
  name: "node" | "deno" | "bun";
  version: string;
}

/** Told by `process.versions`, not by the library under test. */
export function currentRuntime(): CurrentRuntime {
  const { bun, deno, node } = process.versions as Record<
    string,
    string | undefined
  >;
  if (bun) return { name: "bun", version: bun };
  if (deno) return { name: "deno", version: deno };
  return { name: "node", version: node ?? "" };
}

/** The repository: `KEEPWIRE_ROOT`, else the working directory. The built tests lie elsewhere than the sources. */
export function repositoryRoot(): string {
  return process.env.KEEPWIRE_ROOT || process.cwd();
}

/** The path of a file of the repository. */
export function repositoryPath(relative: string): string {
  return `${repositoryRoot()}/${relative}`;
}

/** The command that runs Python: `KEEPWIRE_PYTHON`, else `python3`. */
export function python(): string {
  return process.env.KEEPWIRE_PYTHON || "python3";
}

/**
 * What a script started by the tests imports as the library: the path in
 * `KEEPWIRE_LIBRARY` (the built package's file), else the source.
 */
export function librarySpecifier(): string {
  return `file://${process.env.KEEPWIRE_LIBRARY || repositoryPath("mod.ts")}`;
}

/**
 * The flags this process was started with, as far as they say what it may do:
 * a script that is started with them has the same means. On Deno it may ask
 * for the rest, which this process perhaps may not.
 */
export function currentFlags(): string[] {
  // The runners' own.
  const flags = process.execArgv.filter((flag) => !/^--(test|timeout|reporter)/.test(flag));
  const { Deno } = globalThis as {
    Deno?: { permissions: { querySync(what: { name: string }): { state: string } } };
  };
  if (!Deno) return flags;
  const names = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return granted.length === names.length ? ["-A"] : granted.map((name) => `--allow-${name}`);
}
