/**
 * `deno task demo`: what the plain runtimes do with four keepalive values, and
 * what keepwire does with them, both read from outside the process.
 *
 * - `--json`: the rows as JSON on standard output, and nothing else there
 *
 * Ends with code 0 only when every connection of keepwire holds the four
 * values, or refuses them where they cannot be held.
 *
 * @module
 */

import { Oracle } from "../tests/kit/oracle.ts";
import { type Finding, lookAt, SIDES } from "./demo/look.ts";
import { ASKED, PROGRAMS } from "./demo/rows.ts";
import { Tables } from "./demo/table.ts";
import { Progress } from "./demo/progress.ts";
import { ensurePython } from "./python.ts";
import { installRuntimes, runtime } from "./runtimes.ts";
import { copyWithoutKoffi, stagePackage } from "./staged_package.ts";

/** Programs that run at once. */
const JOBS = 2;

Deno.chdir(new URL("../", import.meta.url));
if (Deno.build.os !== "linux") {
  console.error("The demo reads sockets of other processes by pidfd_getfd(2), which only Linux has");
  Deno.exit(2);
}
const progress = new Progress();
const say = (line: string) => progress.say(line);
await installRuntimes(say);
await ensurePython(say);
const findings = await findAll();
progress.clear();

if (Deno.args.includes("--json")) {
  const rows = SIDES.flatMap((side) => findings.filter((finding) => finding.side === side).map(asJson));
  console.log(JSON.stringify(rows, undefined, 2));
} else {
  const tables = new Tables(Deno.stdout.isTerminal() && !Deno.noColor);
  for (const side of SIDES) console.log(`${tables.table(side, findings)}\n`);
  console.log(tables.legend(findings));
}
const failed = findings.filter(({ program, ok }) => program.by === "keepwire" && !ok);
Deno.exit(failed.length > 0 ? 1 : 0);

async function findAll(): Promise<Finding[]> {
  const built = await stagePackage(say);
  await using plain = await copyWithoutKoffi(built);
  const libraries = {
    source: import.meta.resolve("../mod.ts"),
    built: `file://${built}/esm/mod.js`,
    withoutKoffi: `file://${plain.folder}/esm/mod.js`,
  };
  const oracle = Oracle.start();
  const found: Finding[][] = [];
  const queue = [...PROGRAMS.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, program] = next;
      const { kind, version } = runtime(program.runtime);
      say(`reading the sockets of ${kind} ${version} (${index + 1} of ${PROGRAMS.length})`);
      found[index] = await lookAt(program, libraries, oracle);
    }
  };
  try {
    await Promise.all(Array.from({ length: JOBS }, worker));
  } finally {
    await oracle.close();
  }
  return found.flat();
}

function asJson({ program, side, holds, status, refused, failed, ok }: Finding): Record<string, unknown> {
  const { kind, version } = runtime(program.runtime);
  const { by, variant } = program;
  return { side, runtime: kind, version, by, variant, asked: ASKED, holds, status, refused, failed, ok };
}
