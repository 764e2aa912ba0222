/**
 * `deno task bench`: keepwire against the best hand-written code for the bare
 * runtime, in turns in one process; the far end is another process of plain
 * code. Writes `bench/results.json`.
 *
 * - `--quick`: fewer and shorter samples, no memory; nothing is written
 * - `--only=TEXT`: the measures with that text in their name; nothing is written
 * - `--runtime=TEXT`: the runtimes with that text in their name; nothing is written
 *
 * @module
 */

import { ensurePython } from "../scripts/python.ts";
import { installRuntimes, type Runtime, type RuntimeName, runtimes } from "../scripts/runtimes.ts";
import { stagePackage } from "../scripts/staged_package.ts";
import { certificates } from "../tests/kit/certificates.ts";
import { MEASURES } from "./measures.mjs";
import { type Row, rowOf, spreadOf, textOf } from "./row.ts";
import { Program } from "./program.ts";

const SUBJECTS: readonly RuntimeName[] = ["node20", "node22", "node24", "node26", "deno", "bun"];
/** Connections that are held open for the measure of memory. */
const IDLE = 10_000;

/** What is measured by the processor's time, or has nothing to be compared with. */
const LOADS = ["tcpInfo", "watchHealth, 10,000 connections", "watcher, 10,000 connections"];
/** Milliseconds for which a load is looked at: the default interval of watchHealth. */
const LOOK = 20_000;
/** How often watchHealth looks in that time, so that one look does not decide; the row is what one costs. */
const LOOKS = 4;

Deno.chdir(new URL("../", import.meta.url));
const option = (name: string) =>
  Deno.args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";
const quick = Deno.args.includes("--quick");
const [only, chosen] = [option("only"), option("runtime")];
const whole = !quick && only === "" && chosen === "";
const settings = quick ? { rounds: 5, sample: 25, only } : { rounds: 11, sample: 80, only };

const started = performance.now();
await installRuntimes(console.error);
await ensurePython(console.error);
const built = await stagePackage(console.error);
await using farEnd = new Program(["python3", "-B", "bench/far_end.py"]);
const { authority, good: { cert, key } } = certificates();
farEnd.send(JSON.stringify({ cert, key }));
const ports = JSON.stringify({ ...JSON.parse(await farEnd.line()), authority: authority.cert });

const results: Record<string, Record<string, Row>> = {};
for (const runtime of runtimes) {
  if (!SUBJECTS.includes(runtime.name) || !runtime.name.includes(chosen)) continue;
  console.log(`\n${runtime.kind} ${runtime.version}`);
  const rows: Record<string, Row> = {};
  const note = (name: string, row: Row) => {
    rows[name] = row;
    console.log(textOf(name, row));
  };
  await measure(runtime, note);
  if (whole || "memory".includes(only) && only !== "") {
    note("memory, idle connection", await memory(runtime));
  }
  if (whole || only !== "" && LOADS.some((name) => name.includes(only))) {
    for (const [name, row] of await loads(runtime)) note(name, row);
  }
  results[`${runtime.kind} ${runtime.version}`] = rows;
}
console.log("\nratio: above 1 keepwire is faster, or smaller; in brackets the quartiles");
console.log(`${Math.round((performance.now() - started) / 1000)} s in all`);
if (whole) {
  await write("bench/results.json");
  console.log("bench/results.json written");
}

async function write(file: string): Promise<void> {
  const [major, minor] = Deno.osRelease().split(".");
  const machine = { os: Deno.build.os, kernel: `${major}.${minor}`, cores: navigator.hardwareConcurrency };
  // A spread on one line, so that two runs can be compared by their lines; the formatter leaves that as it is.
  const text = JSON.stringify({ machine, settings, results }, undefined, 2)
    .replace(/\{\s+("median": \S+)\s+("low": \S+)\s+("high": \S+)\s+\}/g, "{ $1 $2 $3 }");
  await Deno.writeTextFile(file, `${text}\n`);
}

async function measure(runtime: Runtime, note: (name: string, row: Row) => void): Promise<void> {
  await using subject = start(runtime, settings);
  for (const { name, op, unit } of MEASURES) {
    if (!name.includes(only)) continue;
    const samples = JSON.parse(await subject.line());
    note(name, rowOf(samples, unit as Row["unit"], op));
  }
}

/** Bytes for each idle connection, in a process of its own for each side. */
async function memory(runtime: Runtime): Promise<Row> {
  const bytes = async (who: string) => {
    await using subject = start(runtime, { ...settings, idle: { who, count: IDLE } });
    await subject.line();
    const before = await subject.residentBytes();
    subject.send("go");
    await subject.line();
    return (await subject.residentBytes() - before) / IDLE;
  };
  const [keepwire, bare] = [await bytes("keepwire"), await bytes("bare")];
  return {
    unit: "bytes",
    keepwire: spreadOf([keepwire]),
    bare: spreadOf([bare]),
    ratio: spreadOf([bare / keepwire]),
  };
}

/** What a call of `info()` takes, and the share of a core that many connections take while nothing happens on them. */
async function loads(runtime: Runtime): Promise<[name: string, row: Row][]> {
  await using subject = start(runtime, { ...settings, load: { count: IDLE, interval: LOOK / LOOKS } });
  const { info } = JSON.parse(await subject.line());
  const share = async () => {
    await subject.line();
    const [before, begun] = [await subject.cpuSeconds(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    const used = (await subject.cpuSeconds() - before) * 1000;
    const passed = performance.now() - begun;
    subject.send("go");
    return 100 * used / passed;
  };
  const [idle, watched, unread] = [await share(), await share(), await share()];
  const row = (percent: number): Row => ({ unit: "% core", keepwire: spreadOf([percent]) });
  const calls: Row = { unit: "us", keepwire: spreadOf(info.map((ms: number) => ms * 1000)) };
  return [[LOADS[0], calls], [LOADS[1], row((watched - idle) / LOOKS)], [LOADS[2], row(unread - idle)]];
}

function start({ kind, binary }: Runtime, given: Record<string, unknown>): Program {
  const library = kind === "deno" ? import.meta.resolve("../mod.ts") : `file://${built}/esm/mod.js`;
  const flags = kind === "deno" ? ["run", "-A", "--no-config"] : [];
  const args = [kind, library, ports, JSON.stringify(given)];
  return new Program([binary, ...flags, "bench/subject.mjs", ...args]);
}
