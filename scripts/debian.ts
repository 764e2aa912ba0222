/**
 * Debian packages, installed where that can be done.
 *
 * @module
 */

import { run } from "./process.ts";

/** Whether packages can be installed here: on Debian, as root. */
export async function canInstall(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  return await Deno.stat("/etc/debian_version").then(() => true, () => false);
}

/** Installs packages, one process at a time: apt-get gives up when it finds another. Returns what went wrong. */
export async function installPackages(
  packages: readonly string[],
  say: (line: string) => void,
): Promise<string | undefined> {
  say(`installing the Debian packages ${packages.join(", ")} with apt-get`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const lock = ["flock", "/run/lock/keepwire-apt"];
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  for (const command of [["update", "-qq"], install]) {
    const ended = await run([...lock, "apt-get", ...command], { env });
    if (ended.code !== 0) return `apt-get ${command.join(" ")} failed:\n${ended.output}`;
  }
  return undefined;
}
