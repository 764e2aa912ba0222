/**
 * `deno task mutations`: breaks the library on purpose, one small break at a
 * time in a copy, and tells whether the suite turns red. A break that nothing
 * notices is a hole in the suite.
 *
 * - `--only=TEXT`: the breaks with that text in their name
 *
 * @module
 */
import { type Mutation, MUTATIONS } from "./breaks.ts";
import { run } from "./process.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const only = Deno.args.find((argument) => argument.startsWith("--only="))?.slice(7) ?? "";

let missed = 0;
const chosen = MUTATIONS.filter(({ name }) => name.includes(only));
for (const mutation of chosen) {
  const copy = await copyOf(mutation);
  try {
    const { code, output, took } = await test(copy, mutation);
    // The suite must have said so by a case: a copy that does not build, or a file that is not there, proves nothing.
    const red = code !== 0 && output.includes(`\nFAIL ${where(mutation)}`) && !/^FAIL build/m.test(output);
    if (!red) missed++;
    const seconds = (took / 1000).toFixed(0).padStart(3);
    console.log(`${red ? "red  " : "GREEN"} ${seconds} s  ${mutation.name} (${where(mutation)})`);
    if (!red) console.log(output.slice(-2_000));
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}
console.log(`\n${chosen.length - missed} of ${chosen.length} breaks were noticed`);
Deno.exit(missed > 0 || chosen.length === 0 ? 1 : 0);

function where({ lane, suite }: Mutation): string {
  // The lab is one stage, whatever its scenario.
  return suite && lane !== "lab" ? `${lane}: ${suite}` : lane;
}

/** The files of the repo with the break in them; what was installed is shared. */
async function copyOf({ name, file, find, replace }: Mutation): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "keepwire-mutation-" });
  const listed = await run(["git", "ls-files", "-z"], { cwd: ROOT });
  for (const path of listed.stdout.split("\0").filter((path) => path !== "")) {
    await Deno.mkdir(`${copy}/${path.split("/").slice(0, -1).join("/")}`, { recursive: true });
    await Deno.copyFile(ROOT + path, `${copy}/${path}`);
  }
  await Deno.mkdir(`${copy}/.runtimes`);
  await Deno.symlink(`${ROOT}.runtimes/node_modules`, `${copy}/.runtimes/node_modules`);

  const source = await Deno.readTextFile(`${copy}/${file}`);
  if (source.split(find).length !== 2) {
    throw new Error(`Cannot break "${name}": its text does not stand in ${file} exactly once`);
  }
  await Deno.writeTextFile(`${copy}/${file}`, source.replace(find, () => replace));
  return copy;
}

function test(copy: string, { lane, suite }: Mutation): ReturnType<typeof run> {
  const args = [`--only=${lane}`, ...(suite ? [`--file=${suite}`] : [])];
  return run([Deno.execPath(), "run", "-A", "scripts/run_tests.ts", ...args], { cwd: copy });
}
