/**
 * `deno task lab`: peers die for real, in network namespaces, on every runtime.
 *
 * - `--scenario=TEXT`: numbers (`1,2`), or text in a scenario's title
 * - `--case=TEXT`: cases with that text in `name (side)`
 * - `--runtime=TEXT`: runtimes with that text in their name
 * - `--jobs=N`: cases that run side by side, default 24: they mostly wait
 * - `--again=N`: when no more than N cases have failed, on a machine that others use, each is run once more, a few
 *   at a time, and that run counts; what failed first is printed. Default 0
 * - `--rows=FILE`, `--report=FILE`: rows, and the test command's report, as JSON
 * - `--write`: writes docs/detection.json and docs/detection/ from a whole run
 *
 * @module
 */

import type { LabCase, Scenario } from "../tests/lab/cases.ts";
import { removeAllNow, removeStale } from "../tests/lab/hosts.ts";
import { lineOf, type NamedRun, reportOf, tableOf } from "../tests/lab/report.ts";
import { type CaseRun, runCase } from "../tests/lab/run.ts";
import type { LabRuntime } from "../tests/lab/stage.ts";
import { writeDetection } from "./detection_docs.ts";
import { ensureLabTools, type Missing } from "./lab_tools.ts";
import { run } from "./process.ts";
import { installRuntimes, runtime, type RuntimeName } from "./runtimes.ts";
import { stagePackage } from "./staged_package.ts";

/** Two cores start so many at a time; more would make each other late. */
const STARTING = 3;
const RUNTIMES: readonly RuntimeName[] = ["deno", "node20", "node22", "node24", "node26", "bun"];

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);
const option = (name: string) =>
  Deno.args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

/** A case on a runtime. */
interface Planned {
  scenario: Scenario;
  labCase: LabCase;
  runtime: RuntimeName;
}

async function scenarios(): Promise<Scenario[]> {
  const names = [...Deno.readDirSync(`${ROOT}tests/lab/scenarios`)].map(({ name }) => name)
    .filter((name) => name.endsWith(".ts")).sort();
  const modules = await Promise.all(names.map((name) => import(`../tests/lab/scenarios/${name}`)));
  return modules.map(({ scenario }) => scenario as Scenario);
}

async function plan(): Promise<Planned[]> {
  const wanted = option("scenario") ?? "";
  const isWanted = ({ number, title }: Scenario) =>
    /^[\d,]+$/.test(wanted) ? wanted.split(",").includes(String(number)) : title.includes(wanted);
  const named = RUNTIMES.filter((name) => name.includes(option("runtime") ?? ""));
  const found = (await scenarios()).filter(isWanted).flatMap((scenario) =>
    scenario.cases.filter(({ name, side }) => `${name} (${side})`.includes(option("case") ?? ""))
      .flatMap((labCase) => named.map((runtime) => ({ scenario, labCase, runtime })))
  );
  if (found.length === 0) throw new Error("no case is called so");
  return found;
}

/** Removes the copies of the package that killed runs have left. */
async function removeStaleFolders(): Promise<void> {
  for await (const { name } of Deno.readDir(`${ROOT}.runtimes`)) {
    const pid = /^lab-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || await Deno.stat(`/proc/${pid}`).then(() => true, () => false)) continue;
    await Deno.remove(`${ROOT}.runtimes/${name}`, { recursive: true });
  }
}

/** How each runtime is started: Deno by the sources, the others by a copy of the built package that nobody changes. */
async function prepare(names: RuntimeName[], folder: string): Promise<Map<RuntimeName, LabRuntime>> {
  if (names.some((name) => name !== "deno")) {
    await installRuntimes();
    const staged = await stagePackage();
    const copied = await run(["cp", "-r", `${staged}/package.json`, `${staged}/esm`, folder]);
    if (copied.code !== 0) throw new Error(`the package was not copied:\n${copied.output}`);
  }
  const subject = `${ROOT}tests/lab/subject.mjs`;
  return new Map(names.map((name) => {
    const { kind, binary, version } = runtime(name);
    const command = kind === "deno"
      ? [binary, "run", "-A", "--no-check", "--quiet", subject, `file://${ROOT}mod.ts`]
      : [binary, subject, `file://${folder}/esm/mod.js`];
    return [name, { name, version, command }];
  }));
}

/** Lets so many be at work at a time; the others wait in a row. */
function gate(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (work) => {
    if (inside >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else inside++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else inside--;
    }
  };
}

async function runAll(
  planned: Planned[],
  runtimes: Map<RuntimeName, LabRuntime>,
  jobs = Number(option("jobs") ?? 24),
): Promise<CaseRun[]> {
  const setting = gate(STARTING);
  const running = gate(jobs);
  return await Promise.all(planned.map(({ scenario, labCase, runtime }) =>
    running(async () => {
      const done = await runCase(scenario, labCase, runtimes.get(runtime)!, setting);
      console.log(lineOf(done.row));
      for (const line of done.row.wrong) console.log(`       ${line.replaceAll("\n", "\n       ")}`);
      return done;
    })
  ));
}

/** Runs the few that failed once more. */
async function runAgain(
  planned: Planned[],
  runs: CaseRun[],
  runtimes: Map<RuntimeName, LabRuntime>,
): Promise<CaseRun[]> {
  const failed = planned.filter((_, index) => !runs[index].row.passed);
  if (failed.length === 0 || failed.length > Number(option("again") ?? 0)) return runs;
  console.log(`\nonce more: ${failed.length} that failed`);
  const second = await runAll(failed, runtimes, STARTING);
  return planned.map((one, index) => second[failed.indexOf(one)] ?? runs[index]);
}

function named({ scenario, labCase, runtime }: Planned): NamedRun {
  return { scenario: scenario.number, case: labCase.name, side: labCase.side, runtime };
}

/** Whether the document shows this run of the scenario. */
function isDrawn({ scenario: { drawn, cases }, labCase, runtime }: Planned): boolean {
  const { name = cases[0].name, side = cases[0].side } = drawn ?? {};
  return labCase.name === name && labCase.side === side && runtime === (drawn?.runtime ?? "deno");
}

/** Why a case cannot run here. */
function whyNot({ labCase }: Planned, missing: Missing[]): string | undefined {
  const found = missing.find(({ capability }) =>
    capability !== "conntrack" || labCase.needs?.includes(capability)
  );
  return found && `capability ${found.capability}: ${found.because}`;
}

async function main(): Promise<number> {
  const begun = performance.now();
  const missing = await ensureLabTools();
  const planned = await plan();
  const skipped = planned.flatMap((one) => {
    const reason = whyNot(one, missing);
    return reason === undefined ? [] : [{ run: named(one), reason }];
  });
  const able = planned.filter((one) => whyNot(one, missing) === undefined);
  for (const { capability, because } of missing) {
    console.log(`capability ${capability} is missing: ${because}`);
  }
  let runs: CaseRun[] = [];
  if (able.length > 0) {
    const stale = await removeStale();
    if (stale > 0) console.log(`removed ${stale} hosts of runs that were killed`);
    const folder = `${ROOT}.runtimes/lab-${Deno.pid}`;
    await Deno.mkdir(folder, { recursive: true });
    await removeStaleFolders();
    try {
      const runtimes = await prepare([...new Set(able.map(({ runtime }) => runtime))], folder);
      runs = await runAgain(able, await runAll(able, runtimes), runtimes);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  const rows = runs.map(({ row }) => row);
  const report = reportOf(rows, skipped);
  if (rows.length > 0) {
    console.log(`\n${tableOf(rows, RUNTIMES.filter((name) => rows.some((row) => row.runtime === name)))}`);
  }
  const write = async (name: string, data: unknown) => {
    const file = option(name);
    if (file !== undefined) await Deno.writeTextFile(file, `${JSON.stringify(data, undefined, 1)}\n`);
  };
  await write("rows", rows);
  await write("report", report);
  if (Deno.args.includes("--write")) {
    await writeDetection(runs.map((done, index) => ({ ...done, drawn: isDrawn(able[index]) })));
  }
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  console.log(
    `\n${report.passed} passed, ${report.failures.length} failed, ${skipped.length} skipped (${seconds} s)`,
  );
  return report.failures.length > 0 ? 1 : 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    removeAllNow();
    Deno.exit(130);
  });
}
Deno.exit(await main());
