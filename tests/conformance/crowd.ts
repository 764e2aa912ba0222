/**
 * Many sockets at once, each with values of its own, so that one that holds
 * another's shows.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { CaseContext } from "../kit/cases.ts";
import { addressText, type Ends, type HeldSocket, type Oracle } from "../kit/oracle.ts";
import { PLAIN_WAYS, type PlainSocket } from "../kit/plain_ways.ts";
import { connect, type Connection, listen, type Listener, setKeepAlive } from "../../mod.ts";

/** One open socket, and by which number its values are known. */
export interface Member {
  socket: object;
  /** `local remote`, as the oracle writes them. */
  key: string;
  /** 0: its values were never set. */
  number: number;
  close(): void;
}

/** In the library's words and units. */
type Values = Record<"idle" | "interval" | "count" | "userTimeout", number>;

/** No two numbers up to 32,767 have the same values. */
export function valuesOf(number: number): Values {
  return {
    idle: number * 1_000,
    interval: ((number * 7) % 32_767 + 1) * 1_000,
    count: number % 127 + 1,
    userTimeout: 100_000 + number,
  };
}

function keyOf({ localAddress, remoteAddress }: Ends): string {
  return `${addressText(localAddress)} ${addressText(remoteAddress)}`;
}

/** A connection of the library's. */
export function ofConnection(connection: Connection): Member {
  return { socket: connection, key: keyOf(connection), number: 0, close: () => connection.abort() };
}

/** A socket of the runtime's own. */
export function ofPlain(plain: PlainSocket): Member {
  return { socket: plain.socket, key: keyOf(plain), number: 0, close: () => plain.close() };
}

/** By `local remote`; sockets without a peer are left out. */
export async function connected(oracle: Oracle): Promise<Map<string, HeldSocket>> {
  const all = (await oracle.all()).filter(({ remote }) => remote !== null);
  return new Map(all.map((one) => [`${one.local} ${one.remote}`, one]));
}

/** Asserts that each holds the values of its own number. */
export async function checkAll(oracle: Oracle, members: readonly Member[]): Promise<void> {
  const held = await connected(oracle);
  const wrong = members.filter(({ key, number }) => {
    const one = held.get(key);
    const { idle, interval, count, userTimeout } = valuesOf(number);
    return !one?.keepalive || one.keepidle * 1_000 !== idle || one.keepintvl * 1_000 !== interval ||
      one.keepcnt !== count || one.usertimeout !== userTimeout;
  });
  const told = wrong.slice(0, 5).map((one) =>
    JSON.stringify([one.key, valuesOf(one.number), held.get(one.key)])
  );
  assertEquals(
    wrong.length,
    0,
    `${wrong.length} of ${members.length} sockets are wrong:\n${told.join("\n")}`,
  );
}

/** Opens so many, 50 at a time. */
export async function inBatches<T>(count: number, open: (nth: number) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const size = Math.min(50, count - opened.length);
    opened.push(...await Promise.all(Array.from({ length: size }, (_, i) => open(opened.length + i))));
  }
  return opened;
}

/** Where members come from. */
export class Crowd {
  readonly #context: CaseContext;
  #next = 0;

  constructor(context: CaseContext) {
    this.#context = context;
  }

  /** Sets the values of a number that was never used. */
  set(member: Member): void {
    member.number = ++this.#next;
    const { source, notApplied, idle, interval, count, userTimeout } = setKeepAlive(
      member.socket,
      valuesOf(member.number),
    );
    assertEquals({ idle, interval, count, userTimeout }, valuesOf(member.number));
    assertEquals([source, notApplied], ["kernel", []]);
  }

  /** Connections to one port of the peer. */
  async toPeer(count: number, hostname: string): Promise<Member[]> {
    const { port } = await this.#context.peer.listen({ host: hostname });
    return await this.to(count, hostname, port);
  }

  /** Connections to a port. */
  async to(count: number, hostname: string, port: number): Promise<Member[]> {
    return this.#keep((await inBatches(count, () => connect({ hostname, port }))).map(ofConnection));
  }

  /** A listener of the library's. */
  async listen(hostname: string): Promise<{ listener: Listener; port: number }> {
    const listener = await listen({ hostname, port: 0 });
    this.#context.defer(() => listener.close());
    assert(listener.address.transport === "tcp");
    return { listener, port: listener.address.port };
  }

  /** Connections of the peer that are accepted on one port. */
  async fromPeer(count: number, host: string, { listener, port }: { listener: Listener; port: number }) {
    await this.#context.peer.reconnect({ host, port, clients: 1, max: count });
    return await this.accepted(count, listener);
  }

  /** Connections that are on their way to a listener. */
  async accepted(count: number, listener: Listener): Promise<Member[]> {
    return this.#keep((await inBatches(count, () => listener.accept())).map(ofConnection));
  }

  /** Sockets that the library did not open, half of them connected and half accepted. */
  async plain(count: number): Promise<Member[]> {
    const { defer, peer } = this.#context;
    const half = Math.ceil(count / 2 / PLAIN_WAYS.length);
    const found: Member[] = [];
    for (const way of PLAIN_WAYS) {
      const { port } = await peer.listen();
      const target = { hostname: "127.0.0.1", port };
      found.push(...(await inBatches(half, () => way.connect(target))).map(ofPlain));
      const listener = await way.listen({ hostname: "127.0.0.1", port: 0 });
      defer(() => listener.close());
      await peer.reconnect({ port: listener.port, clients: 1, max: half });
      // One after the other: some listeners take no two accepts at once.
      for (let i = 0; i < half; i++) found.push(ofPlain(await listener.accept()));
    }
    return this.#keep(found);
  }

  #keep(members: Member[]): Member[] {
    for (const member of members) this.#context.defer(() => member.close());
    return members;
  }
}
