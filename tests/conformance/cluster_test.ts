/**
 * Listening in a worker of `node:cluster`, whose listening socket may be
 * another process's: what is accepted holds the options all the same.
 */
import { assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { type Driver, spawnRuntime } from "../kit/driver.ts";
import { ability, needsOpening } from "../kit/means.ts";
import type { Ends } from "../kit/oracle.ts";
import { currentFlags, librarySpecifier } from "../kit/runtime.ts";
import type { KeepAlive, KeepAliveStatus, KernelName } from "../../mod.ts";
import { type Holding, REFUSAL_ROWS } from "./refusal_rows.ts";
import { checkStatus, checkValues, expected, untouched } from "./refusals.ts";

/** The worker listens, accepts one, changes the options, and accepts another one. */
const SCRIPT = `
import cluster from "node:cluster";
import process from "node:process";

if (cluster.isPrimary) {
  const worker = cluster.fork();
  process.stdin.on("end", () => worker.kill()).resume();
  worker.on("exit", () => process.exit(0));
} else {
  const loaded = await import(process.argv[2]);
  const { listen } = loaded.connect ? loaded : loaded.default;
  const say = (line) => console.log(JSON.stringify(line));
  const open = [];
  const accept = async (listener) => {
    const connection = await listener.accept();
    open.push(connection);
    const { localAddress, remoteAddress } = connection;
    say({ ends: { localAddress, remoteAddress }, status: connection.getKeepAlive() });
  };
  const [first, second] = JSON.parse(process.argv[3]);
  const listener = await listen({ hostname: "127.0.0.1", port: 0, keepAlive: first });
  say({ pid: process.pid, port: listener.address.port, notApplied: listener.getKeepAlive().notApplied });
  await accept(listener);
  say({ notApplied: listener.setKeepAlive(second).notApplied });
  await accept(listener);
}
`;

interface Accepted {
  ends: Ends;
  status: KeepAliveStatus;
}

const FOUR = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };

/** What is given, and what is given later. */
const GIVEN: [first: boolean | KeepAlive, second: boolean | KeepAlive][] = [
  [true, { ...FOUR, unsupported: "report" }],
  [false, true],
];

function holdingOf(keepAlive: boolean | KeepAlive): Holding {
  const asked = JSON.stringify(keepAlive);
  const { outcomes } = REFUSAL_ROWS.find((row) => JSON.stringify(row.keepAlive) === asked)!; // one of the rows
  return outcomes[ability()] as Holding; // none of these is refused
}

async function listening(context: CaseContext, given: typeof GIVEN[number]): Promise<void> {
  const { defer, oracle, peer } = context;
  const args = [librarySpecifier(), JSON.stringify(given)];
  const driver: Driver = spawnRuntime({ text: SCRIPT }, { args, flags: currentFlags() });
  defer(() => (driver.endInput(), driver.ended));
  const before = await untouched(context);
  const worker = await driver.json<{ pid: number; port: number; notApplied: KernelName[] }>();
  let told = worker.notApplied;
  for (const [nth, keepAlive] of given.entries()) {
    const holding = holdingOf(keepAlive);
    assertEquals(told, holding.notApplied);
    await peer.connect({ port: worker.port });
    const { ends, status } = await driver.json<Accepted>();
    const held = await oracle.of(worker.pid).read(ends.localAddress, ends.remoteAddress);
    checkValues(held, expected(holding, before));
    checkStatus(status, holding, held);
    if (nth === 0) told = (await driver.json<{ notApplied: KernelName[] }>()).notApplied;
  }
}

cases(
  `cluster, where one can set ${ability()}`,
  GIVEN.map((given): Case => ({
    name: given.map((one) => JSON.stringify(one)).join(", then "),
    needs: needsOpening(),
    run: (context) => listening(context, given),
  })),
);
