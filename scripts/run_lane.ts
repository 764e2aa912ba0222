/**
 * Runs a file of tests in one lane, in a process of its own, and reads the
 * runner's report. A process that crashes, hangs or runs no test is a failed case.
 *
 * @module
 */

import { readJunit, type Report } from "./junit.ts";
import type { Lane } from "./lanes.ts";
import { type Ended, run } from "./process.ts";
import { runtime } from "./runtimes.ts";

/** Milliseconds that a lane's process may take. */
const LIMIT = 300_000;

/** A file's report and what its process printed. */
export interface FileResult {
  report: Report;
  output: string;
  took: number;
}

/**
 * Runs `files` (paths from the repo's root; on Node exactly one) in `lane`.
 * `denoFlags` make `@std/assert` resolve.
 */
export async function runFiles(
  lane: Lane,
  files: string[],
  denoFlags: string[],
  limit: number = LIMIT,
): Promise<FileResult> {
  const junit = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const ended = await run(commandOf(lane, files, junit, denoFlags), {
      limit,
      env: environment(lane),
    });
    const written = await Deno.readTextFile(junit).catch(() => "");
    const xml = written || ended.stdout;
    const report = readJunit(xml, ended.output);
    addHowItEnded(report, ended, xml.includes("</testsuites>"));
    return { report, output: ended.output, took: ended.took };
  } finally {
    await Deno.remove(junit).catch(() => {});
  }
}

/** The built package of a lane; koffi is found from the copy in `.runtimes/`. */
export function builtFolder(lane: Lane): string {
  return `${lane.koffi ? ".runtimes/with_koffi" : "npm"}/${lane.format}`;
}

function environment(lane: Lane): Record<string, string> {
  const root = Deno.cwd();
  // What the tests start by themselves lies in the repo, and imports the same half of the package.
  const built = lane.format !== "source";
  const library = built ? `${builtFolder(lane)}/mod.js` : "mod.ts";
  return {
    NO_COLOR: "1",
    KEEPWIRE_ROOT: root,
    KEEPWIRE_LIBRARY: `${root}/${library}`,
    KEEPWIRE_ABILITY: lane.ability ?? "everything",
    ...lane.env,
  };
}

function commandOf(
  lane: Lane,
  files: string[],
  junit: string,
  denoFlags: string[],
): string[] {
  const { kind, binary } = runtime(lane.runtime);
  switch (kind) {
    case "deno":
      // Types are checked before; every permission a test needs stands in the lane.
      return [
        binary,
        "test",
        "--no-check",
        ...lane.flags,
        ...denoFlags,
        `--junit-path=${junit}`,
        ...files,
      ];
    case "node":
      return [
        binary,
        ...lane.flags,
        // One process, not the runner's child: flags reach it, and a handle that is left open shows.
        ...nodeReporters(lane, junit),
        ...files,
      ];
    case "bun":
      return [
        binary,
        "test",
        ...lane.flags,
        // Bun's own limit of 5 s counts for node:test too.
        "--timeout=120000",
        "--reporter=junit",
        `--reporter-outfile=${junit}`,
        ...files.map((file) => file.startsWith("/") ? file : `./${file}`),
      ];
  }
}

function nodeReporters(lane: Lane, junit: string): string[] {
  const to = (reporter: string, destination: string) => [
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${destination}`,
  ];
  // Node's reporter flushes its file with fsync, which no permission allows.
  if (lane.flags.includes("--permission")) return to("junit", "stdout");
  return [...to("junit", junit), ...to("spec", "stdout")];
}

function addHowItEnded(report: Report, ended: Ended, complete: boolean): void {
  const add = (name: string) => report.failures.push({ name, text: "" });
  const nothingRan = report.passed + report.failures.length + report.skips.length === 0;
  if (ended.timedOut) add(`it hangs: killed after ${ended.took / 1000} s`);
  else if (ended.code !== 0 && report.failures.length === 0) {
    add(`the process ended with code ${ended.code}`);
  } else if (nothingRan) add("ran no test");
  // A test that calls exit(0) takes the rest of the file with it.
  else if (!complete) add("the report breaks off");
}
