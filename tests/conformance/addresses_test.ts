/**
 * Both ends of a connection know where they are: addresses are plain data,
 * written in the same way on each runtime.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { networkInterfaces } from "node:os";
import type { Address, Connection, ListenOptions } from "../../mod.ts";
import { type Case, type CaseContext, cases, type Need } from "../kit/cases.ts";
import { canHaveHosts } from "../kit/driver.ts";
import { openConnection, openListener, openPair, portOf, socketPath, type Way, WAYS } from "../kit/pairs.ts";
import { addressText } from "../kit/oracle.ts";
import { RemoteLibrary } from "../kit/remote_library.ts";
import { checkAddress } from "../kit/socket_error.ts";

const IPV6: Need = {
  capability: "IPv6 on loopback",
  available: Object.values(networkInterfaces()).flat().some((one) => one?.address === "::1"),
};

const OWN_HOSTS: Need = { capability: "a mount namespace for /etc/hosts", available: canHaveHosts() };

const tcp = (hostname: string, port: number): Address => ({ transport: "tcp", hostname, port });
const unix = (path: string): Address => ({ transport: "unix", path });

/** Both addresses, which must be plain data, and the same each time. */
function addressesOf(connection: Connection): [local: Address, remote: Address] {
  const found: [Address, Address] = [connection.localAddress, connection.remoteAddress];
  for (const address of found) {
    checkAddress(address);
    assertEquals(JSON.parse(JSON.stringify(address)), address);
  }
  assertEquals([connection.localAddress, connection.remoteAddress], found);
  return found;
}

async function tcpPair(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const [local, remote] = addressesOf(connection);
  assertEquals(local, peer.remote);
  assertEquals(remote, peer.local);
  assert(local.transport === "tcp" && local.hostname === "127.0.0.1" && local.port > 0);
  const held = await context.oracle.read(local, remote);
  assertEquals([held.local, held.remote], [addressText(local), addressText(remote)]);
  await peer.close();
  await connection.close();
  // They are data: what the socket was stays known.
  assertEquals(addressesOf(connection), [peer.remote, peer.local]);
}

/** Connects to `to` at a listener of ours on `on`; both must see that end as `seen`, and the other one as `from`. */
async function seenAs(
  context: CaseContext,
  on: ListenOptions["hostname"],
  to: string | undefined,
  seen: string,
  from: string,
): Promise<void> {
  const listener = await openListener(context, { port: 0, ...on === undefined ? {} : { hostname: on } });
  const port = portOf(listener);
  const [accepted, client] = await Promise.all([
    listener.accept(),
    openConnection(context, { port, ...to === undefined ? {} : { hostname: to } }),
  ]);
  context.defer(() => accepted.abort());
  const [local, remote] = addressesOf(client);
  assertEquals(remote, tcp(seen, port));
  assert(local.transport === "tcp" && local.hostname === from, `our end is ${JSON.stringify(local)}`);
  assertEquals(addressesOf(accepted), [remote, local]);
}

const SPELLINGS: Case[] = ([
  ["IPv4", "127.0.0.1", "127.0.0.1", "127.0.0.1"],
  ["IPv4, another address of the same host", "127.0.0.2", "127.0.0.2", "127.0.0.2"],
  ["no hostname is 0.0.0.0 and 127.0.0.1", undefined, undefined, "127.0.0.1"],
  ["IPv4 on 0.0.0.0", "0.0.0.0", "127.0.0.3", "127.0.0.3"],
  ["IPv6", "::1", "::1", "::1"],
  ["IPv6 in full", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::1"],
  ["IPv6 on ::", "::", "::1", "::1"],
  ["IPv4 on ::", "::", "127.0.0.1", "127.0.0.1"],
  ["IPv4 in IPv6, on 127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1"],
  ["IPv4 in IPv6, on ::", "::", "::ffff:127.0.0.4", "127.0.0.4"],
] as const).map(([name, on, to, seen]) => ({
  name,
  ...(on?.includes(":") || to?.includes(":")) && { needs: IPV6 },
  // On loopback the kernel takes 127.0.0.1 for whoever has not said what he is.
  run: (context) => seenAs(context, on, to, seen, seen === "::1" ? "::1" : "127.0.0.1"),
}));

const LISTENING: Case[] = ([
  [undefined, "0.0.0.0"],
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["::1", "::1"],
  ["::", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
] as const).map(([hostname, seen]) => ({
  name: `a listener on ${hostname ?? "nothing"} is at ${seen}, with its port`,
  ...seen.includes(":") && { needs: IPV6 },
  run: async (context) => {
    const listener = await openListener(context, { port: 0, ...hostname === undefined ? {} : { hostname } });
    checkAddress(listener.address);
    const port = portOf(listener);
    assert(port > 0);
    assertEquals(listener.address, tcp(seen, port));
    assertEquals((await context.oracle.readListener(listener.address)).listening, true);
    await listener.close();
    assertEquals(listener.address, tcp(seen, port));
    // The port that it had can be asked for.
    const again = await openListener(context, { port, ...hostname === undefined ? {} : { hostname } });
    assertEquals(again.address, tcp(seen, port));
  },
}));

/** Connects over there, where names are ours; the peer here listens on one of the name's addresses only. */
async function byName(context: CaseContext, hosts: string, on: string): Promise<void> {
  const at = await context.peer.listen({ host: on });
  const library = new RemoteLibrary({ hosts });
  const { localAddress, remoteAddress } = await library.open("connect", {
    hostname: "many.test",
    port: at.port,
  });
  assertEquals(remoteAddress, tcp(on, at.port));
  const peer = await at.accept();
  assertEquals(localAddress, peer.remote);
  await library.end();
}

const NAMES: Case[] = ([
  ["IPv4 alone", "127.0.0.1 many.test", "127.0.0.1"],
  ["IPv6 alone", "::1 many.test", "::1"],
  ["both, and IPv4 alone answers", "127.0.0.1 many.test\n::1 many.test", "127.0.0.1"],
  ["both, and IPv6 alone answers", "127.0.0.1 many.test\n::1 many.test", "::1"],
  ["IPv6 first, and IPv4 alone answers", "::1 many.test\n127.0.0.1 many.test", "127.0.0.1"],
  ["two of IPv4, and the first answers", "127.0.0.8 many.test\n127.0.0.9 many.test", "127.0.0.8"],
  ["two of IPv4, and the second answers", "127.0.0.8 many.test\n127.0.0.9 many.test", "127.0.0.9"],
] as const).map(([name, hosts, on]) => ({
  name: `a name with ${name}`,
  needs: [OWN_HOSTS, IPV6],
  run: (context) => byName(context, `${hosts}\n`, on),
}));

cases("addresses", [
  ...WAYS.slice(0, 2).map((way): Case => ({
    name: `both ends, ${way}`,
    run: (context) => tcpPair(context, way),
  })),
  ...SPELLINGS,
  {
    name: "the peer has connected by IPv4 to a listener on ::",
    needs: IPV6,
    run: async (context) => {
      const listener = await openListener(context, { hostname: "::", port: 0 });
      const port = portOf(listener);
      const [connection, peer] = await Promise.all([
        listener.accept(),
        context.peer.connect({ host: "127.0.0.1", port }),
      ]);
      context.defer(() => connection.abort());
      assertEquals(addressesOf(connection), [tcp("127.0.0.1", port), peer.local]);
    },
  },
  {
    name: "a path, and a socket without a name",
    run: async (context) => {
      const path = socketPath(context);
      const listener = await openListener(context, { path });
      checkAddress(listener.address);
      assertEquals(listener.address, unix(path));
      const [accepted, client] = await Promise.all([listener.accept(), openConnection(context, { path })]);
      context.defer(() => accepted.abort());
      assertEquals(addressesOf(client), [unix(""), unix(path)]);
      assertEquals(addressesOf(accepted), [unix(path), unix("")]);
    },
  },
  {
    name: "a path of 107 bytes, with letters of several",
    run: async (context) => {
      const start = socketPath(context);
      const path = start.replace(/socket$/, "") + "ü".repeat(20);
      const longest = path + "x".repeat(107 - new TextEncoder().encode(path).length);
      const listener = await openListener(context, { path: longest });
      const [accepted, client] = await Promise.all([
        listener.accept(),
        openConnection(context, { path: longest }),
      ]);
      context.defer(() => accepted.abort());
      assertEquals(addressesOf(client), [unix(""), unix(longest)]);
      assertEquals(addressesOf(accepted), [unix(longest), unix("")]);
    },
  },
  {
    name: "localhost is an address of this host",
    run: async (context) => {
      const listener = await openListener(context, { hostname: "localhost", port: 0 });
      const { address } = listener;
      assert(address.transport === "tcp" && ["127.0.0.1", "::1"].includes(address.hostname));
      const [accepted, client] = await Promise.all([
        listener.accept(),
        openConnection(context, { hostname: "localhost", port: address.port }),
      ]);
      context.defer(() => accepted.abort());
      assertEquals(client.remoteAddress, address);
      assertEquals(accepted.localAddress, address);
    },
  },
  ...LISTENING,
  ...NAMES,
  {
    name: "a name with two addresses, and nobody answers",
    needs: [OWN_HOSTS, IPV6],
    run: async ({ peer }) => {
      const port = await peer.freePort();
      const library = new RemoteLibrary({ hosts: "127.0.0.1 many.test\n::1 many.test\n" });
      await library.assertSocketError(["connect", { hostname: "many.test", port }], {
        code: "ECONNREFUSED",
        op: "connect",
        localAddress: null,
        remoteAddress: tcp("many.test", port),
        cause: "error",
      });
      await library.end();
    },
  },
]);
