/**
 * `deno task test`: everything that has to hold, on every runtime. The last
 * line is `N passed, N failed, N skipped`.
 *
 * - `--quick` (`deno task check`): format, lint, types, layers, tables, units
 * - `--only=TEXT`: the stages and lanes with that text in their name
 * - `--file=TEXT`: the files of the conformance suite with that text in their name,
 *   and the scenario of the lab with that number
 * - `--jobs=N`: files of the suite that run at once, default 4: they wait more than they work
 *
 * @module
 */

import { type Lane, lanes } from "./lanes.ts";
import { oneCase, type Report } from "./junit.ts";
import { run } from "./process.ts";
import { ensurePython } from "./python.ts";
import { builtFolder, runFiles } from "./run_lane.ts";
import { installRuntimes } from "./runtimes.ts";
import { chooseImports } from "./with_imports.ts";

/** A part of the run that yields one report. */
interface Stage {
  name: string;
  quick?: boolean;
  /** It mostly waits: the stages behind it go on meanwhile, the lanes do not. */
  waits?: boolean;
  run: () => Promise<{ report: Report; output: string }>;
}

/** The built package, where koffi can be found beside it: in `.runtimes/node_modules`. */
const WITH_KOFFI = ".runtimes/with_koffi";
/** Milliseconds for all cases of the lab. */
const LAB_LIMIT = 900_000;
const SUITE = "tests/conformance";
/** Milliseconds: some fifty processes, one after the other. */
const CLIENTS_LIMIT = 600_000;
const SHIPPED = ["mod.ts", "node_stream.ts", "sockets.ts", "core", "adapters"];

Deno.chdir(new URL("../", import.meta.url));
const option = (name: string) =>
  Deno.args.find((argument) => argument.startsWith(`--${name}=`))?.slice(
    name.length + 3,
  );
const quick = Deno.args.includes("--quick");
const only = option("only") ?? "";
const jobs = Number(option("jobs") ?? 4);
const started = performance.now();
const all: { where: string; report: Report }[] = [];

const imports = await chooseImports();
console.log(imports.said);
await installRuntimes();
if (!quick) console.log(`python3 ${await ensurePython()}`);

const chosen = lanes.filter((lane) => !quick && lane.name.includes(only));
const beside: Promise<void>[] = [];
for (const stage of await stages()) {
  if (quick ? !stage.quick : !stage.name.includes(only)) continue;
  const told = tell(stage.name, stage.run);
  if (stage.waits) beside.push(told);
  else await told;
}
await Promise.all(beside);
if (chosen.length > 0) await runLanes();
finish();

function denoStage(name: string, args: string[], quick = true): Stage {
  return { name, quick, run: () => command(name, [Deno.execPath(), ...args]) };
}

async function stages(): Promise<Stage[]> {
  const units = await testFiles(
    "tests",
    (path) => /^tests\/(unit|scripts)\//.test(path),
  );
  const others = await testFiles(
    "tests",
    (path) => !/^tests\/(unit|scripts|packaging|conformance|workerd|clients)\//.test(path),
  );
  const clients = await testFiles("tests/clients", () => true);
  const workerd = await testFiles("tests/workerd", () => true);
  const packaging = await testFiles("tests/packaging", () => true);
  const found: Stage[] = [
    denoStage("format", ["fmt", "--check"]),
    denoStage("lint", ["lint"]),
    // What the scripts of other languages import is not here: clients, and the package itself.
    denoStage("types", ["check", ...imports.flags, "**/*.ts"]),
    denoStage("layers", ["run", "-A", "scripts/check_layers.ts"]),
    denoStage("tables", [
      "run",
      "-A",
      ...imports.flags,
      "scripts/support_table.ts",
      "--check",
    ]),
    {
      name: "build",
      run: () =>
        command("build", [
          Deno.execPath(),
          "run",
          "-A",
          ...imports.flags,
          "scripts/build_npm.ts",
        ]),
    },
    { name: "lab", waits: true, run: lab },
    { name: "clients", waits: true, run: () => runClients(clients) },
    { ...denoTests("units", units), quick: true },
    denoTests("other tests", others),
    denoStage("types of examples", ["check", ...imports.flags, "--doc", ...SHIPPED], false),
    denoTests("examples", SHIPPED, ["--doc"]),
    denoTests("packaging", packaging),
    denoTests("workerd", workerd),
  ];
  const empty = (name: string, files: string[]) => files.length === 0 ? [name] : [];
  const absent = [
    ...(await exists("scripts/support_table.ts") ? [] : ["tables"]),
    ...empty("units", units),
    ...empty("other tests", others),
    ...empty("packaging", packaging),
  ];
  return found.filter((stage) => !absent.includes(stage.name));
}

function denoTests(name: string, files: string[], flags: string[] = []): Stage {
  const lane: Lane = { name, runtime: "deno", format: "source", flags: ["-A", ...flags] };
  return { name, run: () => runFiles(lane, files, imports.flags) };
}

async function runLanes(): Promise<void> {
  const suite = await testFiles(
    SUITE,
    (path) => path.includes(option("file") ?? ""),
  );
  if (suite.length === 0) {
    note("conformance", oneCase("conformance", `no file in ${SUITE}`), "", 0);
    return;
  }
  if (chosen.some((lane) => lane.format !== "source")) await prepareBuilt();
  for (const lane of chosen) {
    if (filesOf(lane, suite).length > 0 || option("file") !== undefined) continue;
    note(lane.name, oneCase(lane.name, `no file in ${SUITE} begins with ${lane.files?.join(" or ")}`), "", 0);
  }
  const queue = chosen.flatMap((lane) => filesOf(lane, suite).map((file) => ({ lane, file })));
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { lane, file } = next;
      const short = file.split("/").at(-1)!.replace(/_test\.[jt]s$/, "");
      await tell(
        `${lane.name}: ${short}`,
        () => runFiles(lane, [file], imports.flags),
      );
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** The paths of the suite's files as the lane runs them. */
function filesOf(lane: Lane, suite: string[]): string[] {
  const named = suite.filter((path) => {
    const base = path.slice(SUITE.length + 1);
    const isOneOf = (starts: string[]) => starts.some((start) => base.startsWith(start));
    return (lane.files === undefined || isOneOf(lane.files)) && !isOneOf(lane.without ?? []);
  });
  if (lane.format === "source") return named;
  return named.map((path) => `${builtFolder(lane)}/${path.replace(/\.ts$/, ".js")}`);
}

/** Runs real clients with the built package, on every runtime, in one process of Deno that judges them. */
async function runClients(files: string[]): Promise<{ report: Report; output: string }> {
  await prepareBuilt();
  const lane: Lane = { name: "clients", runtime: "deno", format: "source", flags: ["-A"] };
  return await runFiles(lane, files, imports.flags, CLIENTS_LIMIT);
}

/** Builds the package unless the stage before did, and copies it to where koffi is found. */
async function prepareBuilt(): Promise<void> {
  if (!"build".includes(only)) {
    const args = ["run", "-A", ...imports.flags, "scripts/build_npm.ts"];
    await tell("build", () => command("build", [Deno.execPath(), ...args]));
  }
  await Deno.remove(WITH_KOFFI, { recursive: true }).catch(() => {});
  await Deno.mkdir(WITH_KOFFI, { recursive: true });
  const copied = await run([
    "cp",
    "-r",
    "npm/package.json",
    "npm/esm",
    "npm/script",
    WITH_KOFFI,
  ]);
  if (copied.code !== 0) {
    note("build", oneCase("copy", copied.output), "", copied.took);
  }
}

async function command(
  name: string,
  args: string[],
): Promise<{ report: Report; output: string }> {
  const ended = await run(args, { env: { NO_COLOR: "1" } });
  return {
    report: oneCase(name, ended.code === 0 ? undefined : ended.output),
    output: "",
  };
}

/** The lab counts its cases by itself. */
async function lab(): Promise<{ report: Report; output: string }> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const only = `--scenario=${/^\d+$/.exec(option("file") ?? "") ?? ""}`;
    // A machine that is busy with something else makes one or two of them late.
    const args = ["run", "-A", ...imports.flags, "scripts/lab.ts", `--report=${file}`, "--again=6", only];
    const ended = await run([Deno.execPath(), ...args], { limit: LAB_LIMIT, env: { NO_COLOR: "1" } });
    const again = ended.output.match(/^(FAIL .*|once more: .*)$/gm) ?? [];
    if (again.length > 0) console.log(again.join("\n"));
    const written = await Deno.readTextFile(file);
    const why = ended.timedOut ? `killed after ${ended.took / 1000} s` : `it ended with code ${ended.code}`;
    return { report: written === "" ? oneCase("lab", why) : JSON.parse(written), output: ended.output };
  } finally {
    await Deno.remove(file);
  }
}

async function tell(where: string, work: Stage["run"]): Promise<void> {
  const begun = performance.now();
  const { report, output } = await work();
  note(where, report, output, performance.now() - begun);
}

function note(
  where: string,
  report: Report,
  output: string,
  took: number,
): void {
  for (const skip of report.skips) {
    // A skip must name what is missing, or nobody can tell it from a case that was forgotten.
    if (skip.reason === "") {
      report.failures.push({
        name: skip.name,
        text: "skipped without a reason",
      });
    }
  }
  all.push({ where, report });
  const { passed, failures, skips } = report;
  const counts = `${passed} passed, ${failures.length} failed, ${skips.length} skipped`;
  console.log(
    `${failures.length > 0 ? "FAIL" : "ok  "} ${where.padEnd(40)} ${counts} (${seconds(took)})`,
  );
  if (failures.length === 0) return;
  for (const { name, text } of failures) {
    console.log(`\n--- ${where}: ${name}\n${text.trim()}`);
  }
  if (output !== "") {
    console.log(
      `\n--- ${where}: what it printed\n${output.slice(-20_000).trim()}\n---\n`,
    );
  }
}

function finish(): void {
  const reasons = new Map<string, { count: number; where: Set<string> }>();
  for (const { where, report } of all) {
    for (const { reason } of report.skips) {
      const entry = reasons.get(reason) ?? { count: 0, where: new Set() };
      entry.count++;
      entry.where.add(where.split(":")[0]);
      reasons.set(reason, entry);
    }
  }
  if (reasons.size > 0) console.log("\nSkipped, by what is missing:");
  for (const [reason, { count, where }] of reasons) {
    console.log(
      `  ${count} x ${reason || "no reason given"} (${[...where].join(", ")})`,
    );
  }
  const failed = all.flatMap(({ where, report }) => report.failures.map(({ name }) => `${where}: ${name}`));
  if (failed.length > 0) {
    console.log(`\nFailed:\n${failed.map((line) => `  ${line}`).join("\n")}`);
  }
  if (all.length === 0) failed.push("nothing ran");
  const sum = (of: (report: Report) => number) => all.reduce((total, { report }) => total + of(report), 0);
  console.log(
    `\n${imports.said}\n${seconds(performance.now() - started)} in all\n`,
  );
  console.log(
    `${sum((r) => r.passed)} passed, ${failed.length} failed, ${sum((r) => r.skips.length)} skipped`,
  );
  Deno.exit(failed.length > 0 ? 1 : 0);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

async function testFiles(
  dir: string,
  wanted: (path: string) => boolean,
): Promise<string[]> {
  const found: string[] = [];
  const walk = async (dir: string) => {
    for await (const entry of Deno.readDir(dir)) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (entry.name.endsWith("_test.ts") && wanted(path)) {
        found.push(path);
      }
    }
  };
  if (await exists(dir)) await walk(dir);
  return found.sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
