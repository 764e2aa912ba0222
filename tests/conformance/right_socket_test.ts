/**
 * The right socket: among 2,000 open connections, while sockets are closed and
 * their file descriptors and addresses are used again, each call changes
 * exactly its own socket.
 */
import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import { PLAIN_WAYS } from "../kit/plain_ways.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { connect, getKeepAlive, listen, setKeepAlive } from "../../mod.ts";
import {
  checkAll,
  connected,
  Crowd,
  inBatches,
  type Member,
  ofConnection,
  ofPlain,
  valuesOf,
} from "./crowd.ts";

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list.map((one) => ({ one, at: random() })).sort((a, b) => a.at - b.at).map(({ one }) => one);
}

async function among2000(context: CaseContext): Promise<void> {
  const { oracle } = context;
  const random = seededRandom("right socket");
  const crowd = new Crowd(context);
  const v4 = await crowd.listen("127.0.0.1");
  const dual = await crowd.listen("::");
  let members = [
    ...await crowd.toPeer(500, "127.0.0.1"),
    ...await crowd.toPeer(250, "::1"),
    ...await crowd.fromPeer(400, "127.0.0.1", v4),
    // v4-mapped: an IPv6 socket with IPv4 addresses.
    ...await crowd.fromPeer(250, "127.0.0.1", dual),
    ...await crowd.fromPeer(150, "::1", dual),
    // Both ends in this process, so that one's local address is the other's remote one.
    ...await crowd.to(75, "127.0.0.1", v4.port),
    ...await crowd.accepted(75, v4.listener),
    ...await crowd.to(50, "::1", dual.port),
    ...await crowd.accepted(50, dual.listener),
    ...await crowd.plain(200),
  ];
  assert(members.length >= 2_000, `${members.length} connections`);
  assertEquals(new Set(members.map(({ key }) => key)).size, members.length);
  for (const member of shuffled(members, random)) crowd.set(member);
  await checkAll(oracle, members);

  const fds = new Map([...await connected(oracle)].map(([key, { fd }]) => [key, fd]));
  const order = shuffled(members, random);
  const gone = withPartners(order.slice(0, 600), members);
  members = order.filter((member) => !gone.includes(member));
  for (let start = 0; start < gone.length; start += 100) {
    for (const [nth, member] of gone.slice(start, start + 100).entries()) {
      member.close();
      crowd.set(members[start + nth]);
    }
    // All at once: each gets whichever file descriptor is free.
    const come = await Promise.all([
      crowd.toPeer(30, "127.0.0.1"),
      crowd.fromPeer(20, "127.0.0.1", v4),
      crowd.fromPeer(20, "127.0.0.1", dual),
      crowd.toPeer(10, "::1"),
      crowd.plain(20),
    ]);
    members.push(...come.flat());
  }
  for (const member of shuffled(members.filter(({ number }) => number === 0), random)) crowd.set(member);
  await checkAll(oracle, members);

  const before = await connected(oracle);
  const freed = new Set(gone.map(({ key }) => fds.get(key)));
  const reused = [...before.values()].filter(({ fd }) => freed.has(fd));
  assert(reused.length > 100, `only ${reused.length} file descriptors were used again`);
  for (const { socket } of gone) await checkGone(socket);
  assertEquals(await connected(oracle), before, "a call on a closed socket changed another one");
}

/** Where both ends are in this process, none stays without the other. */
function withPartners(leaving: Member[], members: readonly Member[]): Member[] {
  const keys = new Set(leaving.flatMap(({ key }) => [key, key.split(" ").reverse().join(" ")]));
  return members.filter(({ key }) => keys.has(key));
}

const LAST = { idle: 32_767_000, interval: 32_767_000, count: 127, userTimeout: 2_147_483_647 };

async function checkGone(socket: object): Promise<void> {
  await assertSocketError(() => setKeepAlive(socket, LAST), { code: "ENOTCONN", op: "setKeepAlive" });
  await assertSocketError(() => getKeepAlive(socket), { code: "ENOTCONN", op: "getKeepAlive" });
}

/** Listeners of the library and of each of the runtime's own ways. */
const LISTENERS: [name: string, open: (hostname: string, port: number) => Promise<Acceptor>][] = [
  ["Connection", async (hostname, port) => {
    const listener = await listen({ hostname, port });
    const { address } = listener;
    return {
      port: address.transport === "tcp" ? address.port : 0,
      accept: async () => ofConnection(await listener.accept()),
      close: () => listener.close(),
    };
  }],
  ...PLAIN_WAYS.map((way): typeof LISTENERS[number] => [way.name, async (hostname, port) => {
    const listener = await way.listen({ hostname, port });
    return { ...listener, accept: async () => ofPlain(await listener.accept()) };
  }]),
];

interface Acceptor {
  port: number;
  accept(): Promise<Member>;
  close(): void;
}

type Open = typeof LISTENERS[number][1];

/** Resets a connection and at once makes another one with the same two addresses. */
async function sameAddresses({ defer, oracle, peer }: CaseContext, open: Open): Promise<void> {
  const listener = await open("127.0.0.1", 0);
  defer(() => listener.close());
  for (let round = 0; round < 20; round++) {
    const ends = { port: listener.port, localPort: await peer.freePort() };
    const other = await peer.connect(ends);
    const old = await listener.accept();
    defer(() => old.close());
    // In every other round the library has seen it before.
    if (round % 2 === 0) setKeepAlive(old.socket, true);
    await other.reset();
    await peer.connect(ends);
    const next = await listener.accept();
    defer(() => next.close());
    assertEquals(next.key, old.key);
    const before = (await connected(oracle)).get(next.key);
    try {
      setKeepAlive(old.socket, LAST);
    } catch (error) {
      // It need not know yet that it is dead.
      checkSocketError(error, { code: "ENOTCONN", op: "setKeepAlive" });
    }
    assertEquals((await connected(oracle)).get(next.key), before, `round ${round}`);
    next.number = round + 1;
    setKeepAlive(next.socket, valuesOf(next.number));
    await checkAll(oracle, [next]);
  }
}

/** Somebody closes the runtime's own socket under a Connection, and others get its file descriptor. */
async function closedBeneath({ defer, oracle, peer }: CaseContext): Promise<void> {
  const { port } = await peer.listen();
  for (let round = 0; round < 10; round++) {
    const connection = await connect({ port });
    defer(() => connection.abort());
    const native = connection.native as Record<"terminate" | "close" | "destroy", (() => void) | undefined>;
    (native.terminate ?? native.close ?? native.destroy)!.call(native);
    const attempt = () => {
      try {
        setKeepAlive(connection, LAST);
      } catch (error) {
        checkSocketError(error, { code: "ENOTCONN", op: "setKeepAlive" });
      }
    };
    attempt();
    const others = await inBatches(
      5,
      () => connect({ port, keepAlive: { idle: 1_000, userTimeout: 1_000 } }),
    );
    for (const other of others) defer(() => other.abort());
    attempt();
    for (const other of others) {
      const held = { enabled: true, idle: 1_000, interval: 15_000, count: 9, userTimeout: 1_000 };
      assertEquals(await oracle.keepAliveOf(other), held, `round ${round}`);
    }
  }
}

/** Ends that are alike: one port on both sides in each family, several hosts, several ports. */
async function lookAlikes({ defer, oracle, peer }: CaseContext, open: Open): Promise<void> {
  const port = await peer.freePort();
  const localPort = await peer.freePort();
  const members: Member[] = [];
  const fillers = (await peer.listen()).port;
  const filling = await inBatches(20, () => connect({ port: fillers }));
  for (const one of filling) defer(() => one.abort());
  const arrive = async (hostname: string, port: number, ends: { host: string; localHost: string }[]) => {
    const listener = await open(hostname, port);
    defer(() => listener.close());
    for (const end of ends) {
      // Whoever comes gets this one's file descriptor, a lower one than all that look alike.
      filling.pop()!.abort();
      await peer.connect({ ...end, port, localPort });
      const member = await listener.accept();
      defer(() => member.close());
      members.push(member);
    }
  };
  const from = (localHost: string) => ({ host: "127.0.0.1", localHost });
  const sixth = { host: "::1", localHost: "::1" };
  await arrive("127.0.0.1", port, [from("127.0.0.1"), from("127.0.0.2"), from("127.0.0.3")]);
  await arrive("::1", port, [sixth]);
  await arrive("127.0.0.1", await peer.freePort(), [from("127.0.0.1"), from("127.0.0.2")]);
  // v4-mapped beside IPv6.
  await arrive("::", await peer.freePort(), [from("127.0.0.1"), from("127.0.0.2"), sixth]);
  for (const [index, member] of members.entries()) {
    const before = await connected(oracle);
    member.number = index + 1;
    setKeepAlive(member.socket, valuesOf(member.number));
    await checkAll(oracle, members.slice(0, index + 1));
    const after = await connected(oracle);
    for (const { key } of members) if (key !== member.key) assertEquals(after.get(key), before.get(key));
  }
}

const needs = [needsOpening(), needsFfi()];
cases("right socket", [
  { name: "among 2,000 that come and go", needs, timeout: 60_000, run: among2000 },
  { name: "a Connection whose native socket somebody else closed", needs, run: closedBeneath },
  ...LISTENERS.flatMap(([name, open]): Case[] => [
    {
      name: `${name}, dead, and another one has its addresses`,
      needs,
      run: (context) => sameAddresses(context, open),
    },
    { name: `${name} among look-alikes`, needs, run: (context) => lookAlikes(context, open) },
  ]),
]);
