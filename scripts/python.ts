/**
 * Sees to it that `python3` is there: the outside reader in `tests/oracle/` is
 * written in it, because ctypes reaches `pidfd_getfd` without a compiler.
 *
 * @module
 */

import { canInstall, installPackages } from "./debian.ts";
import { run } from "./process.ts";

/** Returns the version of `python3`, installing it on Debian when it is missing. */
export async function ensurePython(
  say: (line: string) => void = console.log,
): Promise<string> {
  const found = await pythonVersion();
  if (found !== undefined) return found;
  if (!await canInstall()) {
    throw new Error(
      "python3 is missing: install Python 3.9 or newer, tests/oracle needs it",
    );
  }
  const failed = await installPackages(["python3"], say);
  if (failed) throw new Error(failed);
  const installed = await pythonVersion();
  if (installed === undefined) {
    throw new Error("python3 does not run after apt-get installed it");
  }
  return installed;
}

async function pythonVersion(): Promise<string | undefined> {
  try {
    // ctypes is what the reader needs; some small images carry python3 without it.
    const ended = await run([
      "python3",
      "-c",
      "import ctypes, platform; print(platform.python_version())",
    ]);
    return ended.code === 0 ? ended.stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}
