/**
 * README's examples, run as they stand, by the package's name for each runtime.
 * A block that starts with ```` ```ts no-run ```` is type-checked only.
 */
import { assert } from "@std/assert";
import { after, before, test } from "node:test";
import { MODULES, runtime } from "../../scripts/runtimes.ts";
import { Project, ROOT } from "./project.ts";

interface Example {
  line: number;
  text: string;
  runs: boolean;
}

const COMMANDS = {
  node24: [runtime("node24").binary],
  deno: [runtime("deno").binary, "run", "-A", "--no-check", "--node-modules-dir=manual"],
  bun: [runtime("bun").binary],
};
const examples = readExamples();
let project: Project;

function readExamples(): Example[] {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`);
  return [...readme.matchAll(/^```ts\b(.*)\n([\s\S]*?)^```$/gm)].map((found) => ({
    line: readme.slice(0, found.index).split("\n").length + 1,
    text: found[2],
    runs: !found[1].includes("no-run"),
  }));
}

before(async () => {
  project = await Project.with({});
  await project.installPackage();
  // Installed beside it, as README says.
  await Deno.symlink(`${MODULES}koffi`, `${project.dir}/node_modules/koffi`);
  // The name on JSR.
  await Deno.mkdir(`${project.dir}/node_modules/@keepwire`);
  await Deno.symlink("../keepwire", `${project.dir}/node_modules/@keepwire/keepwire`);
  for (const { line, text } of examples) await Deno.writeTextFile(`${project.dir}/line${line}.mts`, text);
});
after(() => project[Symbol.asyncDispose]());

test("readme: has examples", () => assert(examples.some(({ runs }) => runs)));

for (const { line, runs } of examples) {
  test(`readme: line ${line} type-checks`, async () => {
    const flags = ["--node-modules-dir=manual"];
    await project.succeeds([Deno.execPath(), "check", ...flags, `line${line}.mts`]);
  });
  for (const [name, command] of runs ? Object.entries(COMMANDS) : []) {
    test(`readme: line ${line} runs on ${name}`, async () => {
      await project.succeeds([...command, `line${line}.mts`]);
    });
  }
}
