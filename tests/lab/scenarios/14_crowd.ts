/**
 * 2,000 connections of one process die at the same moment.
 *
 * @module
 */

import type { KeepAlive } from "../../../mod.ts";
import type { Scenario } from "../cases.ts";
import type { Stage } from "../stage.ts";

const COUNT = 2_000;
/** What the work of it may hold up the event loop while they die. */
const DELAY = 500;
const KEEP_ALIVE: KeepAlive = { idle: 4_000, interval: 1_000, count: 2 };

export const scenario: Scenario = {
  number: 14,
  title: "2,000 connections die at once",
  cases: [{
    name: `${COUNT} connections`,
    side: "connect",
    keepAlive: KEEP_ALIVE,
    files: 3 * COUNT,
    health: false,
    act: crowd,
    // The byte that the peer sent to each.
    expect: { kind: "death", code: "ETIMEDOUT", within: "idle", unread: 1 },
  }],
};

async function crowd(stage: Stage): Promise<void> {
  const { us, far } = stage;
  const { port, hostname } = stage.ends.remoteAddress as { hostname: string; port: number };
  await Promise.all([
    far("accept_all", { count: COUNT - 1 }, 60_000),
    us("crowd", { count: COUNT - 1, options: { hostname, port, keepAlive: KEEP_ALIVE } }, 60_000),
  ]);
  await inTurn(() => die(stage));
}

/** One process at a time: 12,000 deaths at once would measure the machine. */
let turn: Promise<unknown> = Promise.resolve();
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work);
  turn = mine.catch(() => {});
  return mine;
}

async function die(stage: Stage): Promise<void> {
  const { us, far, wait, cut, note } = stage;
  // They hear from the peer for the last time one after the other: a thousand probes at once overflow this host's
  // queues, and what does not leave it the kernel does not count as sent, but tries again after half a second
  // (TCP_RESOURCE_PROBE_INTERVAL in net/ipv4/tcp_timer.c).
  await far("send_all", { bytes: 1, seconds: 3 }, 20_000);
  await wait(100);
  await cut();
  const predicted = stage.status!.detectsWithin.idle!;
  const { told, delay } = await us("crowdTold", {}, predicted + 30_000) as {
    told: { port: number; at: number; code: string }[];
    delay: { byClock: number; byWork: number };
  };
  const heard = new Map<number, number>();
  for (const { from, port, at } of stage.captures[0].segments()) if (from === "peer") heard.set(port, at);
  const took = told.map(({ port, at }) => at - heard.get(port)!);
  const codes = [...new Set(told.map(({ code }) => code))];
  note(
    "told, ms after the last segment received",
    `${Math.round(Math.min(...took))} to ${Math.round(Math.max(...took))}`,
  );
  note("longest event-loop delay, ms", Math.round(delay.byClock));
  note("of that by its own work, ms", Math.round(delay.byWork));
  const until = Date.now() + 2_000;
  while ((await stage.socketsLeft()).length > 0 && Date.now() < until) await wait(50);
  const left = (await stage.socketsLeft()).length;
  note("sockets left", left);
  const wrong = [];
  if (codes.join() !== "ETIMEDOUT") wrong.push(`the codes are ${codes.join(", ")}`);
  if (Math.min(...took) < 0.9 * predicted) wrong.push(`one was told after ${Math.min(...took)} ms`);
  if (Math.max(...took) > predicted + 2_000) wrong.push(`one was told after ${Math.max(...took)} ms`);
  if (left > 0) wrong.push(`${left} sockets are left`);
  if (delay.byWork > DELAY) wrong.push(`the event loop was held up for ${delay.byWork} ms of work`);
  if (wrong.length > 0) throw new Error(wrong.join("; "));
}
