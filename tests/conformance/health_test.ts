/**
 * `watchHealth` over real sockets on loopback, where peers do not read, reset
 * and end. Peers that vanish are in the lab.
 */
import { assert, assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { spawnRuntime } from "../kit/driver.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import { openOwnPair, openPair, socketPath, type Way } from "../kit/pairs.ts";
import { librarySpecifier } from "../kit/runtime.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { sleep, withTimeout } from "../kit/time.ts";
import { type Connection, type HealthEvent, watchHealth, type WatchHealthOptions } from "../../mod.ts";

type Watched = Connection | Iterable<Connection>;

/** An iteration that is ended after the case. */
function watch({ defer }: CaseContext, connections: Watched, options?: WatchHealthOptions) {
  const iterator = watchHealth(connections, options)[Symbol.asyncIterator]();
  defer(() => iterator.return?.());
  return iterator;
}

/** What comes next, and how long it took. */
async function nextOf(iterator: AsyncIterator<HealthEvent>): Promise<HealthEvent | "the end"> {
  const { value, done } = await withTimeout(iterator.next(), 10_000, "An event");
  return done ? "the end" : value;
}

/** Writes until the peer, which does not read, takes no more. */
function fill(connection: Connection): Promise<unknown> {
  return connection.write(new Uint8Array(16 * 1024 * 1024)).catch((error: unknown) => error);
}

const SMALL = { receiveBuffer: 8_192 };

async function reset(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const iterator = watch(context, connection, { interval: 60_000 });
  const next = nextOf(iterator);
  await sleep(50);
  const begun = performance.now();
  await peer.reset();
  const event = await next;
  assert(event !== "the end" && event.type === "dead" && event.connection === connection);
  assert(performance.now() - begun < 1_500, "it came late");
  const { localAddress, remoteAddress } = connection;
  checkSocketError(event.error, { code: "ECONNRESET", op: "read", localAddress, remoteAddress });
  assertEquals(await connection.closed.catch((error: unknown) => error), event.error);
  assertEquals(await nextOf(iterator), "the end");
}

async function zeroWindow(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way, {}, SMALL);
  const iterator = watch(context, connection, { interval: 100 });
  const next = nextOf(iterator);
  const begun = Date.now();
  const writing = fill(connection);
  const suspect = await next;
  assert(suspect !== "the end" && suspect.type === "suspect" && suspect.connection === connection);
  assertEquals(suspect.reason, "zeroWindow");
  const [since, told] = [suspect.since - begun, Date.now() - begun];
  assert(since > -100 && since < 900, `since ${since} ms`);
  assert(told > 700 && told < 4_000, `told after ${told} ms`);
  // Nobody limits it, and the peer is alive.
  assertEquals(suspect.givesUpIn, undefined);
  await peer.receive({ bytes: 16 * 1024 * 1024 });
  await writing;
  const recovered = await nextOf(iterator);
  assert(recovered !== "the end" && recovered.type === "recovered");
  assertEquals([recovered.reason, Math.abs(recovered.since - suspect.since) < 100], ["zeroWindow", true]);
  await peer.close();
  assertEquals(await nextOf(iterator), "the end");
}

async function givenUp(context: CaseContext): Promise<void> {
  const userTimeout = 3_000;
  const { connection } = await openPair(context, "connected", { keepAlive: { userTimeout } }, SMALL);
  const within = connection.getKeepAlive().detectsWithin.zeroWindow;
  const iterator = watch(context, [connection], { interval: 200 });
  const next = nextOf(iterator);
  const writing = fill(connection);
  const suspect = await next;
  const told = Date.now();
  assert(suspect !== "the end" && suspect.type === "suspect" && suspect.reason === "zeroWindow");
  assert(suspect.givesUpIn !== undefined && within !== undefined, "it is bounded");
  assert(suspect.givesUpIn > 500 && suspect.givesUpIn < within - 500, `gives up in ${suspect.givesUpIn}`);
  const dead = await nextOf(iterator);
  assert(dead !== "the end" && dead.type === "dead");
  const took = Date.now() - told;
  assert(Math.abs(took - suspect.givesUpIn) < 1_200, `${took} ms where ${suspect.givesUpIn} was said`);
  checkSocketError(dead.error, { code: "ETIMEDOUT", op: ["read", "write"] });
  assertEquals(await writing, dead.error);
}

/** Bytes both ways all the time, and looks far more often than anybody would have them. */
async function busy(context: CaseContext): Promise<void> {
  const pairs = await Promise.all(
    [0, 1, 2].map(() => openOwnPair(context, { keepAlive: { idle: 1_000, interval: 1_000, count: 2 } })),
  );
  const ends = pairs.flatMap(({ client, server }) => [client, server]);
  const told: string[] = [];
  const iterator = watch(context, ends, { interval: 5 });
  const watching = (async () => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      told.push(JSON.stringify({ ...next.value, connection: undefined }));
    }
  })();
  const until = Date.now() + 4_000;
  const sending = ends.slice(0, 4).map(async (end) => {
    while (Date.now() < until) await end.write(new Uint8Array(200_000));
    await end.closeWrite();
  });
  const reading = ends.slice(0, 4).map(async (end) => {
    const buffer = new Uint8Array(65_536);
    while (await end.read(buffer) !== null);
  });
  // The third is idle, and its probes are answered.
  await Promise.all([...sending, ...reading]);
  await iterator.return?.();
  await watching;
  assertEquals(told, []);
}

const STAYS = `
const loaded = await import(process.argv[2]);
const { connect, watchHealth } = loaded.connect ? loaded : loaded.default;
const connection = await connect({ port: Number(process.argv[3]) });
connection.unref();
void watchHealth(connection, { interval: 100 })[Symbol.asyncIterator]().next();
void watchHealth(new Set([connection]), { interval: 100 })[Symbol.asyncIterator]().next();
console.log("watching");
`;

const needs = [needsOpening(), needsFfi()];
const BOTH = ["connected", "accepted"] as const;

cases("watchHealth", [
  ...BOTH.map((way): Case => ({
    name: `a reset is told at once, ${way}`,
    needs,
    run: (context) => reset(context, way),
  })),
  ...BOTH.map((way): Case => ({
    name: `a peer that does not read, and then does, ${way}`,
    needs,
    run: (context) => zeroWindow(context, way),
  })),
  { name: "a peer that does not read is given up by the user timeout", needs, run: givenUp },
  { name: "busy and idle ones are never suspected", needs, run: busy },
  ...BOTH.map((way): Case => ({
    name: `an orderly end is no event, ${way}`,
    needs,
    run: async (context) => {
      const { connection, peer } = await openPair(context, way);
      const next = nextOf(watch(context, connection, { interval: 20 }));
      await sleep(50);
      await peer.close();
      assertEquals(await next, "the end");
    },
  })),
  {
    name: "close and abort of our own are no events",
    needs,
    run: async (context) => {
      const { client, server } = await openOwnPair(context);
      const nexts = [client, server].map((end) => nextOf(watch(context, end, { interval: 20 })));
      await sleep(50);
      await client.close();
      assertEquals(await Promise.all(nexts), ["the end", "the end"]);
      const other = await openPair(context, "connected");
      const next = nextOf(watch(context, other.connection));
      await sleep(20);
      other.connection.abort("by us");
      assertEquals(await next, "the end");
    },
  },
  {
    name: "a Set that changes",
    needs,
    run: async (context) => {
      const pairs = await Promise.all([1, 2, 3].map(() => openPair(context, "connected")));
      const set = new Set<Connection>();
      const iterator = watch(context, set, { interval: 20 });
      const next = nextOf(iterator);
      await sleep(50);
      for (const { connection } of pairs) set.add(connection);
      await sleep(50);
      set.delete(pairs[0].connection);
      await sleep(50);
      await pairs[0].peer.reset();
      await pairs[1].peer.reset();
      const event = await next;
      assert(event !== "the end" && event.connection === pairs[1].connection && event.type === "dead");
      await pairs[2].peer.close();
      const silence = await Promise.race([iterator.next(), sleep(150)]);
      assertEquals(silence, undefined);
    },
  },
  {
    name: "Unix sockets are watched for death alone",
    needs,
    run: async (context) => {
      const { client, server } = await openOwnPair(context, {}, socketPath(context));
      const nexts = [client, server].map((end) => nextOf(watch(context, end, { interval: 10 })));
      await sleep(50);
      await client.close();
      assertEquals(await Promise.all(nexts), ["the end", "the end"]);
    },
  },
  {
    name: "it keeps no process alive",
    needs,
    run: async ({ peer }) => {
      const { port } = await peer.listen();
      const args = [librarySpecifier(), `${port}`];
      const text = `import process from "node:process";${STAYS}`;
      const driver = spawnRuntime({ text }, { args, timeout: 8_000 });
      assertEquals(await driver.line(), "watching");
      await driver.success();
    },
  },
]);
