/**
 * Real clients, unmodified, through `keepwire/node-stream`, or, where they are
 * written for Workers, through `keepwire/sockets`: every one on every runtime,
 * plain and with TLS.
 *
 * Each is judged from outside: the kernel holds the keepalive that was dialled
 * with, the server sees the connection and its TLS, 8 MiB come back as they
 * were sent, all of it through our socket, and nothing is left open.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { after, test } from "node:test";
import type { RuntimeName } from "../../scripts/runtimes.ts";
import type { Driver } from "../kit/driver.ts";
import { eventually } from "../kit/time.ts";
import { closeHall, type Hall, hall } from "./hall.ts";
import { type Server, SERVERS } from "./servers.ts";
import { type Said, startClient } from "./subject.ts";
import { type Client, CLIENTS, IMPOSSIBLE, type Mode, RUNTIMES } from "./table.ts";

const BYTES = 8 * 1024 * 1024;
const MODES: readonly Mode[] = ["plain", "tls"];

/** The next line of a driver, which must be this one. */
async function expectEvent(driver: Driver, event: Said["event"], mode?: Mode): Promise<Said> {
  const said = await driver.json<Said>(30_000);
  if (said.event !== event) {
    throw new Error(`${said.mode ?? ""} ${said.event} in place of ${event}: ${said.error}`);
  }
  if (mode) assertEquals(said.mode, mode);
  return said;
}

/** One mode of one client, from its first byte to its last. */
async function judge(
  { oracle }: Hall,
  driver: Driver,
  client: Client,
  server: Server,
  mode: Mode,
): Promise<void> {
  const look = oracle.of(driver.pid);
  const before = await look.countFds();
  driver.send("go");
  const { dials, ends, told } = await expectEvent(driver, "open", mode);
  assertEquals([dials, ends?.length], [1, 1], "the client dialled otherwise, or more than once");
  const [{ local, remote }] = ends!; // counted
  assertEquals(remote, `127.0.0.1:${server.ports[mode]}`);
  const { keepalive, keepidle, keepintvl, keepcnt, usertimeout } = await look.read(local, remote);
  assertEquals([keepalive, keepidle, keepintvl, keepcnt, usertimeout], [true, ...client.held[mode]]);
  assertEquals(await server.sees(Number(local.split(":").at(-1)), told), {
    there: true,
    tls: mode === "tls",
  });
  driver.send("go");
  const moved = await expectEvent(driver, "exchanged", mode);
  assertEquals(moved.back, moved.sent, "other bytes came back");
  const { bytesReceived, bytesAcked } = await look.tcpInfo({ local, remote });
  const { read = bytesReceived, written = bytesAcked } = moved;
  const counts = [bytesReceived, bytesAcked, read, written].map(Number);
  assert(counts.every((count) => count >= BYTES), `not all bytes were ours: ${counts}`);
  driver.send("go");
  const closed = await expectEvent(driver, "closed", mode);
  assertEquals(closed.dials, 1);
  await eventually(async () => (await look.countFds()).tcp <= before.tcp, 3_000, "No TCP socket left");
}

async function runClient(client: Client, runtime: RuntimeName, modes: readonly Mode[]): Promise<void> {
  const there = await hall();
  const server = there.servers.get(client.server);
  if (!server) throw new Error(`${SERVERS[client.server].program} is missing on this machine`);
  const { ca } = there.certificates;
  const driver = startClient(client, runtime, { modes, ports: server.ports, ca, bytes: BYTES });
  try {
    await expectEvent(driver, "ready");
    for (const mode of modes) await judge(there, driver, client, server, mode);
    driver.send("go");
    const { code, signal, stderr } = await driver.ended;
    assertEquals([code, signal], [0, null], `the process does not end by itself:\n${stderr}`);
  } catch (error) {
    driver.kill();
    const { stderr } = await driver.ended;
    throw new Error(`${error instanceof Error ? error.message : error}\n${stderr.slice(-3_000)}`, {
      cause: error,
    });
  }
}

const chosen = process.env.KEEPWIRE_CLIENTS ?? "";

for (const client of CLIENTS) {
  for (const runtime of RUNTIMES) {
    if (!`${client.name} on ${runtime}`.includes(chosen)) continue;
    const not = IMPOSSIBLE.filter((row) => row.client === client.name && row.runtimes.includes(runtime));
    const modes = MODES.filter((mode) => !not.some((row) => row.modes.includes(mode)));
    if (modes.length > 0) {
      test(`${client.name} on ${runtime}: ${modes.join(" and ")}`, () => runClient(client, runtime, modes));
    }
    for (const { modes, reason } of not) {
      test(`${client.name} on ${runtime}: ${modes.join(" and ")} is not possible: ${reason}`, async () => {
        for (const mode of modes) {
          const failed = await runClient(client, runtime, [mode]).then(() => false, () => true);
          assert(failed, `${mode} has become possible: take it out of the table`);
        }
      });
    }
  }
}

after(closeHall);
