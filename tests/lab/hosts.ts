/**
 * Three hosts of our own, in network namespaces: `us`, where the library runs,
 * a router, and the `peer`. They share nothing but the kernel, so any number
 * of sets can stand side by side with the same addresses.
 *
 * @module
 */

import { type Ended, run } from "../../scripts/process.ts";

/** The name of a namespace: the process that made it, and a number, so that no two sets meet. */
const NAME = /^keepwire-(\d+)-\d+-(?:us|router|peer)$/;

/** The same in every set. */
export const ADDRESSES = { us: "10.77.1.2", peer: "10.77.2.2" } as const;

/** Sets that stand, so that an interrupted run can remove them. */
const standing = new Set<Hosts>();
let made = 0;

/** One host. */
export class Host {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The command that runs another one in this host. */
  command(...args: string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...args];
  }

  /** Runs a command in this host. @throws unless it ends with code 0 */
  run(...args: string[]): Promise<Ended> {
    return must(this.command(...args));
  }

  /** Sets kernel parameters by the names of sysctl(8): `net.ipv4.tcp_retries2`. */
  async sysctl(values: Record<string, string | number>): Promise<void> {
    const writes = Object.entries(values)
      .map(([name, value]) => `echo '${value}' >/proc/sys/${name.replaceAll(".", "/")}`);
    if (writes.length > 0) await this.run("sh", "-ec", writes.join("\n"));
  }
}

/** A client or server of ours, a router, and a peer. */
export class Hosts implements AsyncDisposable {
  readonly us: Host;
  readonly router: Host;
  readonly peer: Host;

  private constructor(number: number) {
    const host = (role: string) => new Host(`keepwire-${Deno.pid}-${number}-${role}`);
    this.us = host("us");
    this.router = host("router");
    this.peer = host("peer");
  }

  /** Makes the three hosts, with addresses and routes, and nothing that filters. */
  static async make(): Promise<Hosts> {
    const hosts = new Hosts(++made);
    standing.add(hosts);
    try {
      await must(["sh", "-ec", hosts.#script()]);
    } catch (error) {
      await hosts[Symbol.asyncDispose]();
      throw error;
    }
    return hosts;
  }

  /** Removes the hosts, and ends what still runs in them. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!standing.delete(this)) return;
    await run(["sh", "-c", removal(this.names)]);
  }

  get names(): string[] {
    return [this.us.name, this.router.name, this.peer.name];
  }

  #script(): string {
    const [us, router, peer] = this.names;
    const end = (name: string, address: string, gateway: string) => `
ip -n ${name} -batch - <<END
link set lo up
link set eth0 up
address add ${address}/24 dev eth0
route add default via ${gateway}
END`;
    // IPv6 would only add packets of its own to the captures.
    return `
ip -batch - <<END
netns add ${us}
netns add ${router}
netns add ${peer}
link add eth0 netns ${us} type veth peer name us netns ${router}
link add eth0 netns ${peer} type veth peer name peer netns ${router}
END
for name in ${us} ${router} ${peer}; do
  ip netns exec $name sh -ec 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' 2>/dev/null || true
done
ip netns exec ${router} sh -ec 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n ${router} -batch - <<END
link set lo up
link set us up
link set peer up
address add 10.77.1.1/24 dev us
address add 10.77.2.1/24 dev peer
END
${end(us, ADDRESSES.us, "10.77.1.1")}
${end(peer, ADDRESSES.peer, "10.77.2.1")}`;
  }
}

/** Removes the hosts of processes that have died without doing so. */
export async function removeStale(): Promise<number> {
  const listed = (await run(["ip", "netns", "list"])).stdout.split("\n").map((line) => line.split(" ")[0]);
  const stale: string[] = [];
  for (const name of listed) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !(await exists(`/proc/${pid}`))) stale.push(name);
  }
  if (stale.length > 0) await run(["sh", "-c", removal(stale)]);
  return stale.length;
}

/** Removes the hosts of this process at once, when a signal ends it. */
export function removeAllNow(): void {
  const names = [...standing].flatMap((hosts) => hosts.names);
  standing.clear();
  if (names.length > 0) new Deno.Command("sh", { args: ["-c", removal(names)] }).outputSync();
}

function removal(names: string[]): string {
  return `for name in ${names.join(" ")}; do
  pids=$(ip netns pids $name 2>/dev/null) && [ -n "$pids" ] && kill -9 $pids 2>/dev/null
  ip netns del $name 2>/dev/null
done
true`;
}

async function must(command: string[]): Promise<Ended> {
  const ended = await run(command, { limit: 20_000 });
  if (ended.code === 0) return ended;
  throw new Error(`${command.join(" ")} ended with code ${ended.code}:\n${ended.output}`);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
