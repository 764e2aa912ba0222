/**
 * Sees to it that the lab's tools are there: network namespaces of our own
 * take root, iproute2, nftables and tcpdump.
 *
 * ```sh
 * deno run -A scripts/lab_tools.ts
 * ```
 *
 * @module
 */

import { canInstall, installPackages } from "./debian.ts";
import { run } from "./process.ts";

/** A thing that the lab needs and this machine does not have. */
export interface Missing {
  capability: string;
  because: string;
}

/** Programs, and the Debian packages that have them. */
const PROGRAMS: readonly { program: string; asked: string; package: string }[] = [
  { program: "ip", asked: "-V", package: "iproute2" },
  { program: "nft", asked: "--version", package: "nftables" },
  { program: "tcpdump", asked: "--version", package: "tcpdump" },
];

/** What the kernel must allow, tried out in a namespace; the first that fails hides those after it. */
const TRIALS: readonly { capability: string; script: string }[] = [
  { capability: "network namespaces", script: "ip netns add $name && ip netns exec $name true" },
  { capability: "veth", script: "ip -n $name link add one type veth peer name two" },
  {
    capability: "nftables",
    script: `ip netns exec $name nft 'add table inet lab
add chain inet lab forward { type filter hook forward priority 0; }
add rule inet lab forward drop'`,
  },
  {
    capability: "conntrack",
    script: `ip netns exec $name nft 'add rule inet lab forward ct state invalid drop' &&
ip netns exec $name sh -ec 'echo 4 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established'`,
  },
];

/** Installs what is missing on Debian, as root, and returns what this machine still lacks. */
export async function ensureLabTools(say: (line: string) => void = console.log): Promise<Missing[]> {
  if (Deno.build.os !== "linux") return [{ capability: "linux", because: `this is ${Deno.build.os}` }];
  if (Deno.uid() !== 0) return [{ capability: "root", because: "network namespaces take root" }];
  const absent = await absentPrograms();
  if (absent.length > 0 && await canInstall()) {
    // What fails is named as missing: a machine without a network is no failure of the suite.
    const failed = await installPackages(absent.map((each) => each.package), say);
    if (failed) say(failed);
  }
  const still = await absentPrograms();
  if (still.length > 0) {
    return still.map((each) => ({ capability: each.package, because: `${each.program} is not installed` }));
  }
  return await tryOut();
}

async function absentPrograms() {
  const found = await Promise.all(PROGRAMS.map(({ program, asked }) => starts([program, asked])));
  return PROGRAMS.filter((_, index) => !found[index]);
}

async function tryOut(): Promise<Missing[]> {
  const name = `keepwire-${Deno.pid}-0-us`;
  const env = { name };
  try {
    const missing: Missing[] = [];
    for (const { capability, script } of TRIALS) {
      const ended = await run(["sh", "-c", script], { env });
      if (ended.code === 0) continue;
      missing.push({ capability, because: ended.output.trim().split("\n").at(-1) || `code ${ended.code}` });
      if (capability !== "conntrack") break;
    }
    return missing;
  } finally {
    await run(["sh", "-c", "ip netns del $name"], { env });
  }
}

async function starts(command: string[]): Promise<boolean> {
  return await run(command).then(({ code }) => code === 0, () => false);
}

if (import.meta.main) {
  const missing = await ensureLabTools();
  for (const { capability, because } of missing) console.log(`${capability} is missing: ${because}`);
  if (missing.length === 0) console.log("the lab has all it needs");
}
