/**
 * Many connections in one process: each has its own bytes, and one that is
 * idle costs next to nothing.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Connection, Listener } from "../../mod.ts";
import { SeededStream, sha256, Sha256Stream } from "../kit/bytes.ts";
import { type CaseContext, cases } from "../kit/cases.ts";
import { spawnRuntime } from "../kit/driver.ts";
import { openConnection, openListener, portOf, socketPath } from "../kit/pairs.ts";
import { librarySpecifier } from "../kit/runtime.ts";
import { sleep } from "../kit/time.ts";

const ECHOES = 1_000;

/** Pairs of the idle process: each is two connections. */
const IDLE_PAIRS = 2_000;

/** What one idle connection may cost, in bytes. */
const IDLE_BYTES = 20 * 1024;

/** Milliseconds in which 4,000 idle connections are watched, and the processor time that they may take. */
const WATCHED = 2_000;
const IDLE_TIME = 100;

async function echo(listener: Listener): Promise<void> {
  const serve = async (connection: Connection) => {
    for await (const chunk of connection) await connection.write(chunk);
    await connection.closed;
  };
  const serving: Promise<void>[] = [];
  for await (const connection of listener) serving.push(serve(connection));
  await Promise.all(serving);
}

/** Sends `data` to an echo in three parts, and judges what comes back. */
async function echoed(connection: Connection, data: Uint8Array): Promise<void> {
  const came = new Sha256Stream();
  const buffer = new Uint8Array(4_096);
  const third = Math.ceil(data.length / 3);
  for (let at = 0; at < data.length; at += third) {
    await connection.write(data.subarray(at, at + third));
    while (came.bytes < Math.min(at + third, data.length)) {
      const count = await connection.read(buffer);
      assert(count !== null, `an echo ended after ${came.bytes} bytes`);
      came.update(buffer.subarray(0, count));
    }
  }
  assertEquals(came.digest(), sha256(data));
  await connection.close();
  await connection.closed;
}

async function manyEchoes(context: CaseContext, path?: string): Promise<void> {
  const where = path ? { path } : { hostname: "127.0.0.1", port: 0 };
  const listener = await openListener(context, { ...where, backlog: 4_096 });
  const serving = echo(listener);
  const target = path ? { path } : { port: portOf(listener) };
  const connections: Connection[] = [];
  // In parts: a Unix socket whose queue is full refuses.
  while (connections.length < ECHOES) {
    const some = Array.from({ length: 100 }, () => openConnection(context, target));
    connections.push(...await Promise.all(some));
  }
  const stream = new SeededStream("echoes");
  await Promise.all(connections.map((connection, index) => echoed(connection, stream.take(30 * index + 1))));
  await listener.close();
  await serving;
}

/** Opens pairs of connections, lets each say something, and then says and does nothing. */
const IDLE_SCRIPT = `
import process from "node:process";
import { createInterface } from "node:readline";
const { connect, listen } = await import(${JSON.stringify(librarySpecifier())});

const pairs = [];
const buffer = new Uint8Array(100);
const listener = await listen({ hostname: "127.0.0.1", port: 0, backlog: 4096 });
const { port } = listener.address;

async function open() {
  const [server, client] = await Promise.all([listener.accept(), connect({ port })]);
  pairs.push(server, client);
  await Promise.all([server.write(buffer), client.write(buffer)]);
  await Promise.all([server.read(new Uint8Array(100)), client.read(new Uint8Array(100))]);
}

console.log("ready");
for await (const line of createInterface(process.stdin)) {
  if (line === "open") for (let left = Number(process.argv[2]); left > 0; left--) await open();
  if (line === "close") {
    await Promise.all(pairs.map((connection) => connection.close()));
    await listener.close();
  }
  console.log(line);
}
`;

cases("many connections", [
  { name: `${ECHOES} echoes at once`, timeout: 40_000, run: (context) => manyEchoes(context) },
  {
    name: `${ECHOES} echoes at once, by path`,
    timeout: 40_000,
    run: (context) => manyEchoes(context, socketPath(context)),
  },
  {
    name: `${2 * IDLE_PAIRS} that are idle: memory and processor time`,
    timeout: 60_000,
    run: async ({ oracle, defer }) => {
      const driver = spawnRuntime({ text: IDLE_SCRIPT }, { args: [String(IDLE_PAIRS)], timeout: 60_000 });
      defer(() => driver.kill());
      assertEquals(await driver.line(), "ready");
      const child = oracle.of(driver.pid);
      const before = await child.rss();
      driver.send("open");
      assertEquals(await driver.line(40_000), "open");
      assertEquals((await child.countFds()).tcp, 2 * IDLE_PAIRS + 1);
      // Whatever is done late is done by then.
      await sleep(1_500);
      const after = await child.rss();
      const each = (after.rss - before.rss) / (2 * IDLE_PAIRS);
      assert(each < IDLE_BYTES, `an idle connection takes ${Math.round(each)} bytes`);
      const started = await child.cpuTime();
      await sleep(WATCHED);
      const took = await child.cpuTime() - started;
      assert(took < IDLE_TIME, `idle connections took ${took} ms of ${WATCHED} ms`);
      driver.send("close");
      assertEquals(await driver.line(40_000), "close");
      driver.endInput();
      await driver.success();
    },
  },
]);
