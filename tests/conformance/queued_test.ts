/**
 * Queued before the options: who connects while a listener starts, or before
 * its options are changed, is handed out with the options all the same.
 */
import { assert, assertEquals } from "@std/assert";
import { type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import type { Peer } from "../kit/peer.ts";
import { eventually } from "../kit/time.ts";
import { type Connection, type KeepAlive, listen, type Listener } from "../../mod.ts";

const STARTS = 50;
/** The first connections of a start: those that may have come too early. */
const FIRST = 20;

const ASKED: KeepAlive = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };
const HELD = { enabled: true, idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };

const LATER: KeepAlive = { idle: 77_000, interval: 8_000, count: 6, userTimeout: 44_000 };
const HELD_LATER = { enabled: true, idle: 77_000, interval: 8_000, count: 6, userTimeout: 44_000 };

/** One start of a listener into a storm of clients. */
async function start({ oracle, peer }: CaseContext, number: number, hostname: string): Promise<void> {
  const port = await peer.freePort(hostname);
  const clients = await peer.reconnect({ host: hostname, port, clients: 2, max: 2 * FIRST });
  await eventually(async () => (await clients.status()).refused >= 2, 5_000, "The clients' first attempts");
  const listener = await listen({ hostname, port, keepAlive: ASKED });
  const accepted: Connection[] = [];
  try {
    for (let nth = 1; nth <= FIRST; nth++) {
      const connection = await listener.accept();
      accepted.push(connection);
      assertEquals(await oracle.keepAliveOf(connection), HELD, `start ${number}, connection ${nth}`);
    }
  } finally {
    for (const connection of accepted) connection.abort();
    await listener.close();
    await clients.stop();
  }
}

async function startOften(context: CaseContext): Promise<void> {
  for (let number = 1; number <= STARTS; number++) {
    await start(context, number, number % 5 === 0 ? "::1" : "127.0.0.1");
  }
}

function portOf({ address }: Listener): number {
  assert(address.transport === "tcp");
  return address.port;
}

async function connectOften(peer: Peer, port: number, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await peer.connect({ port });
}

async function accept({ defer }: CaseContext, listener: Listener): Promise<Connection> {
  const connection = await listener.accept();
  defer(() => connection.abort());
  return connection;
}

async function changeWhileQueued(context: CaseContext): Promise<void> {
  const { oracle, peer } = context;
  await using listener = await listen({ hostname: "127.0.0.1", port: 0, keepAlive: ASKED });
  const port = portOf(listener);
  await connectOften(peer, port, 6);
  const early = [await accept(context, listener), await accept(context, listener)];
  const status = listener.setKeepAlive(LATER);
  assertEquals([status.idle, status.interval, status.count, status.userTimeout], [77_000, 8_000, 6, 44_000]);
  await connectOften(peer, port, 3);
  for (let nth = 3; nth <= 9; nth++) {
    const connection = await accept(context, listener);
    assertEquals(await oracle.keepAliveOf(connection), HELD_LATER, `connection ${nth}`);
  }
  for (const connection of early) {
    assertEquals(await oracle.keepAliveOf(connection), HELD, "handed out before the change");
  }
}

async function changeOften(context: CaseContext): Promise<void> {
  const { oracle, peer } = context;
  await using listener = await listen({ hostname: "127.0.0.1", port: 0, keepAlive: false });
  const port = portOf(listener);
  for (let round = 1; round <= 10; round++) {
    await connectOften(peer, port, 3);
    const idle = round * 1000;
    listener.setKeepAlive({ idle, interval: 2_000, count: round, userTimeout: 90_000 + round });
    const held = { enabled: true, idle, interval: 2_000, count: round, userTimeout: 90_000 + round };
    for (let nth = 1; nth <= 2; nth++) {
      const connection = await accept(context, listener);
      assertEquals(await oracle.keepAliveOf(connection), held, `round ${round}, connection ${nth}`);
    }
  }
  listener.setKeepAlive({ enabled: false, idle: 3_000 });
  for (let nth = 1; nth <= 10; nth++) {
    const connection = await accept(context, listener);
    const { enabled, idle } = await oracle.keepAliveOf(connection);
    assertEquals({ enabled, idle }, { enabled: false, idle: 3_000 }, `off, connection ${nth}`);
  }
}

cases(
  "queued",
  [
    { name: `${STARTS} starts among clients that reconnect in a loop`, run: startOften, timeout: 60_000 },
    { name: "the listener's options are changed while connections wait", run: changeWhileQueued },
    { name: "the listener's options are changed again and again", run: changeOften },
  ].map((one) => ({ ...one, needs: [needsOpening(), needsFfi()] })),
);
