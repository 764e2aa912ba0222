/**
 * `ref` and `unref`: which connections and listeners keep a process alive.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { type Driver, spawnRuntime } from "../kit/driver.ts";
import { socketPath } from "../kit/pairs.ts";
import type { PeerConnection } from "../kit/peer.ts";
import { librarySpecifier } from "../kit/runtime.ts";
import { sleep, withTimeout } from "../kit/time.ts";

/** Milliseconds a process is looked at that must not end by itself: longer than the library waits for anything. */
const STAYS = 1_000;

/** What a process does with its `connection` and `listener` before it has nothing more to do. */
interface Behaviour {
  name: string;
  text: string;
  /** Whether it goes on. */
  stays: boolean;
  /** Without a connection, but with a listener of its own. */
  listens?: boolean;
  byPath?: boolean;
  /** What the peer does when it is connected. */
  peer?: "sends 1 MiB" | "sends a FIN";
}

const BEHAVIOURS: Behaviour[] = [
  { name: "an idle connection", text: "", stays: true },
  { name: "an idle connection, unref()", text: "connection.unref();", stays: false },
  {
    name: "one that has been idle for a second, unref()",
    text: "await sleep(1100); connection.unref();",
    stays: false,
  },
  {
    name: "one that has read and written, unref()",
    text: `
await connection.write(new Uint8Array(3));
await connection.read(new Uint8Array(10));
connection.unref();`,
    peer: "sends 1 MiB",
    stays: false,
  },
  { name: "unref() and ref()", text: "connection.unref(); connection.ref();", stays: true },
  {
    name: "unref(), a second, and ref()",
    text: "connection.unref(); await sleep(1100); connection.ref();",
    stays: true,
  },
  { name: "a read that waits", text: "void connection.read(new Uint8Array(10));", stays: true },
  {
    name: "a read that waits, unref()",
    text: "void connection.read(new Uint8Array(10)); connection.unref();",
    stays: false,
  },
  {
    name: "unref(), then a read",
    text: "connection.unref(); void connection.read(new Uint8Array(10));",
    stays: false,
  },
  {
    name: "read-ahead full, unref()",
    text: "await sleep(300); connection.unref();",
    peer: "sends 1 MiB",
    stays: false,
  },
  {
    name: "half-closed by the peer, unref()",
    text: "await connection.read(new Uint8Array(10)); connection.unref();",
    peer: "sends a FIN",
    stays: false,
  },
  {
    name: "dropped",
    text: "await connection.read(new Uint8Array(10)); connection.abort();",
    peer: "sends a FIN",
    stays: false,
  },
  { name: "a listener", listens: true, text: "", stays: true },
  {
    name: "a listener that is asked",
    listens: true,
    text: "void listener.accept().catch(() => {});",
    stays: true,
  },
  { name: "a listener, unref()", listens: true, text: "listener.unref();", stays: false },
  {
    name: "a listener that is asked, unref()",
    listens: true,
    text: "void listener.accept().catch(() => {}); listener.unref();",
    stays: false,
  },
  {
    name: "a listener, unref(), then asked",
    listens: true,
    text: "listener.unref(); void listener.accept().catch(() => {});",
    stays: false,
  },
  {
    name: "a listener, unref() and ref()",
    listens: true,
    text: "listener.unref(); listener.ref();",
    stays: true,
  },
  { name: "a closed listener", listens: true, text: "await listener.close();", stays: false },
  { name: "a connection by path, unref()", byPath: true, text: "connection.unref();", stays: false },
  {
    name: "a listener on a path, unref()",
    byPath: true,
    listens: true,
    text: "listener.unref();",
    stays: false,
  },
];

const script = (text: string) => `
import process from "node:process";
import { connect, listen } from ${JSON.stringify(librarySpecifier())};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const { listens, ...where } = JSON.parse(process.argv[2]);
const listener = listens ? await listen(where) : undefined;
const connection = listens ? undefined : await connect({ ...where, allowHalfOpen: true });
await sleep(1);
${text}
console.log("nothing more to do");
`;

/** Starts a process, and waits until it has done what it does. */
async function start(behaviour: Behaviour, context: CaseContext): Promise<Driver> {
  const { text, listens } = behaviour;
  const path = behaviour.byPath ? socketPath(context) : undefined;
  const listener = listens ? undefined : await context.peer.listen({ path });
  const where = path === undefined ? { hostname: "127.0.0.1", port: listener?.port ?? 0 } : { path };
  const args = [JSON.stringify({ listens, ...where })];
  const driver = spawnRuntime({ text: script(text) }, { args, timeout: 20_000 });
  context.defer(() => driver.kill());
  if (listener) await meet(behaviour, await listener.accept(15_000));
  assertEquals(await driver.line(), "nothing more to do");
  return driver;
}

async function meet({ peer }: Behaviour, theirs: PeerConnection): Promise<void> {
  if (peer === "sends 1 MiB") void theirs.send({ bytes: 1024 * 1024, seed: "unread" }).catch(() => {});
  if (peer === "sends a FIN") await theirs.shutdown();
}

/** Whether it stays, and how it ended otherwise. */
async function follow(driver: Driver, stays: boolean): Promise<string> {
  const ended = driver.ended.then(({ code, signal, stderr }) =>
    `ended with ${signal ?? code}\n${stderr}`.trim()
  );
  if (stays) return await Promise.race([ended, sleep(STAYS).then(() => "stays")]);
  return await withTimeout(ended, 5_000, "A process with nothing more to do").catch(String);
}

/** So many processes at once: starting one takes the most time, and much of it is waiting. */
const AT_ONCE = 7;

function inGroups(behaviours: Behaviour[]): Case[] {
  const groups: Behaviour[][] = [];
  for (let at = 0; at < behaviours.length; at += AT_ONCE) groups.push(behaviours.slice(at, at + AT_ONCE));
  return groups.map((group) => ({
    name: group.map(({ name }) => name).join("; "),
    timeout: 40_000,
    run: async (context) => {
      const found = await Promise.all(group.map(async (one) => {
        const driver = await start(one, context);
        const how = await follow(driver, one.stays);
        driver.kill();
        return `${one.name}: ${how.replace(WARNING, "")}`;
      }));
      assertEquals(found, group.map(({ name, stays }) => `${name}: ${stays ? "stays" : "ended with 0"}`));
    },
  }));
}

/** What Node says of its FFI. */
const WARNING = /\n\(node:\d+\) ExperimentalWarning[^]*$/;

cases("a process with nothing but", inGroups(BEHAVIOURS));
