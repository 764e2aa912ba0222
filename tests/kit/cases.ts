/**
 * Registers cases with `node:test`, which Node, Deno and Bun all have, and
 * adds what the three lack or do differently: a watchdog per case, a trap for
 * unhandled rejections, a count of sockets before and after, and skips that
 * name a capability.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import process from "node:process";
import { after, test } from "node:test";
import { closeLineProcesses } from "./line_process.ts";
import { type FdCounts, Oracle } from "./oracle.ts";
import { Peer } from "./peer.ts";
import { currentRuntime } from "./runtime.ts";
import { sleep, withTimeout } from "./time.ts";

/** A capability a case cannot do without. */
export interface Need {
  /** As the capability table calls it. */
  capability: string;
  available: boolean;
  /** What cannot be done without it: `TCP_KEEPINTVL cannot be set here`. */
  because?: string;
}

/** How a case runs. */
export interface CaseOptions {
  needs?: Need | Need[];
  /** Milliseconds. Default 20,000. */
  timeout?: number;
  /** Whether the sockets of this process are counted before and after. Default `true`. */
  fds?: boolean;
}

/** What a case is given. */
export interface CaseContext {
  readonly name: string;
  /** The outside judge of this file. */
  readonly oracle: Oracle;
  /** The scripted peer of this file; what it opened in a case is closed after it. */
  readonly peer: Peer;
  /** Runs after the case, last first, also when it failed. */
  defer(action: () => unknown): void;
}

/** One case as data. */
export interface Case extends CaseOptions {
  name: string;
  run: (context: CaseContext) => unknown;
}

const SETTLE_LIMIT = 2_000;
let oracle: Oracle | undefined;
let peer: Peer | undefined;
let registered = false;
let inCase = false;
const rejections: unknown[] = [];
// Bun and Deno give up a case at an unhandled rejection and start the next while it still runs.
let previous: Promise<void> = Promise.resolve();

/** Registers the cases of one subject. */
export function cases(title: string, list: Iterable<Case>): void {
  for (const { name, run, ...options } of list) {
    testCase(`${title}: ${name}`, options, run);
  }
}

/** Registers one case. */
export function testCase(
  name: string,
  options: CaseOptions,
  run: (context: CaseContext) => unknown,
): void {
  prepareFile();
  const missing = [options.needs ?? []].flat().find((need) => !need.available);
  if (missing) return skip(name, missing);
  const timeout = options.timeout ?? 20_000;
  // The runner's own limit comes later than ours, which knows what it waited for.
  test(name, { timeout: timeout + 30_000 }, () => {
    const ended = previous.then(() => runAndRecord(name, options, run, timeout));
    previous = ended.catch(() => {});
    return ended;
  });
}

async function runAndRecord(
  name: string,
  options: CaseOptions,
  run: (context: CaseContext) => unknown,
  timeout: number,
): Promise<void> {
  const started = Date.now();
  inCase = true;
  try {
    await runCase(name, options, run, timeout);
  } catch (error) {
    record({
      name,
      outcome: "failed",
      ms: Date.now() - started,
      message: String(error),
    });
    throw error;
  } finally {
    inCase = false;
  }
  record({ name, outcome: "passed", ms: Date.now() - started });
}

function skip(name: string, { capability, because }: Need): void {
  const reason = `missing capability: ${capability}${because ? ` (${because})` : ""}`;
  // Only Node's runner prints the reason by itself.
  if (currentRuntime().name !== "node") {
    console.log(`# SKIP ${name} # ${reason}`);
  }
  record({ name, outcome: "skipped", ms: 0, message: reason });
  test(name, { skip: reason }, () => {});
}

/** One line of JSON per case in the file `KEEPWIRE_RESULTS` names: the runners' own reports differ too much to be counted. */
function record(
  result: {
    name: string;
    outcome: "passed" | "failed" | "skipped";
    ms: number;
    message?: string;
  },
): void {
  const file = process.env.KEEPWIRE_RESULTS;
  if (file) {
    appendFileSync(
      file,
      `${JSON.stringify({ runtime: currentRuntime(), ...result })}\n`,
    );
  }
}

async function runCase(
  name: string,
  options: CaseOptions,
  run: (context: CaseContext) => unknown,
  timeout: number,
): Promise<void> {
  if (!oracle?.alive) oracle = Oracle.start();
  if (!peer?.alive) peer = Peer.start();
  const counting = options.fds ?? true;
  const before = counting ? await oracle.countFds() : undefined;
  const deferred: (() => unknown)[] = [];
  const context = {
    name,
    oracle,
    peer,
    defer: (action: () => unknown) => deferred.push(action),
  };
  const failures: unknown[] = [];
  const attempt = async (work: () => unknown, limit: number, what: string) => {
    try {
      await withTimeout(Promise.resolve().then(work), limit, what);
    } catch (error) {
      failures.push(error);
    }
  };
  await attempt(() => run(context), timeout, `The case "${name}"`);
  for (const action of deferred.reverse()) {
    await attempt(action, 3_000, "Cleaning up");
  }
  // A rejection counts as unhandled only after the microtasks of its turn.
  await sleep(0);
  await sleep(0);
  // Before the peer lets go of its ends, which would end sockets that were forgotten here.
  if (before && failures.length === 0) {
    await attempt(() => settle(before), 10_000, "Counting fds");
  }
  await attempt(() => peer!.clear(), 5_000, "Clearing the peer");
  for (const reason of rejections.splice(0)) {
    failures.push(
      new Error(`Unhandled rejection: ${String(reason)}`, { cause: reason }),
    );
  }
  if (failures.length > 0) await fail(failures);
}

async function fail(failures: unknown[]): Promise<never> {
  // What a failed case left in the peer may disturb the next: that one gets a new peer.
  const spoiled = peer;
  peer = undefined;
  await spoiled?.close().catch(() => {});
  if (failures.length === 1) throw failures[0];
  const text = failures.map((one) => one instanceof Error ? one.stack ?? String(one) : String(one));
  throw new Error(`${failures.length} failures:\n${text.join("\n")}`);
}

/** Sockets close a little later than their promises resolve; after {@link SETTLE_LIMIT} they are leaked. */
async function settle(before: FdCounts): Promise<void> {
  const until = Date.now() + SETTLE_LIMIT;
  let now: FdCounts;
  do {
    now = await oracle!.countFds();
    if (now.sockets <= before.sockets) return;
    await sleep(25);
  } while (Date.now() < until);
  const open = (await oracle!.all()).map(({ fd, local, remote, state }) =>
    `fd ${fd} ${local} -> ${remote} ${state}`
  );
  throw new Error(
    `${now.sockets - before.sockets} sockets leaked (${JSON.stringify(before)} before, ` +
      `${JSON.stringify(now)} after); TCP sockets open:\n${open.join("\n")}`,
  );
}

/** Once per file, and only where there is a test runner: drivers import other files of the kit. */
function prepareFile(): void {
  if (registered) return;
  registered = true;
  // Bun's runner takes unhandled rejections before anybody else and fails the case by itself.
  process.on("unhandledRejection", (reason) => rejections.push(reason));
  // In Deno's test runner only the web's event tells.
  const target = globalThis as {
    addEventListener?: typeof globalThis.addEventListener;
  };
  if (currentRuntime().name === "deno") {
    target.addEventListener?.("unhandledrejection", (event) => {
      // Between cases its runner is the one to fail the file.
      if (inCase) event.preventDefault();
      rejections.push((event as unknown as { reason: unknown }).reason);
    });
  }
  // Deno does not run it, and ends the programs by ending.
  after(async () => {
    await sleep(0);
    await closeLineProcesses();
    if (rejections.length > 0) {
      const [cause] = rejections;
      throw new Error(`Unhandled rejection after the last case: ${String(cause)}`, { cause });
    }
  });
}
