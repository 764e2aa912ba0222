import { assertEquals, assertMatch } from "@std/assert";
import { test } from "node:test";
import type { Lane } from "../../scripts/lanes.ts";
import { runFiles } from "../../scripts/run_lane.ts";

/** Files of tests that end badly, and what must come of each. */
const ENDS = [
  {
    name: "a process that dies",
    text: `test("first", () => {}); test("dies", () => process.kill(process.pid, "SIGKILL"));`,
    expected: /^the process ended with code 137$/,
  },
  {
    name: "a process that leaves before its end",
    text: `test("first", () => {}); test("leaves", () => process.exit(0)); test("last", () => {});`,
    expected: /^(ran no test|the report breaks off|leaves|the process ended with code 1)$/,
  },
  {
    name: "a file without a test",
    text: "",
    expected: /^(ran no test|the process ended with code 1)$/,
  },
  {
    name: "a process that hangs",
    text: `test("hangs", () => { for (;;); });`,
    expected: /^it hangs: killed after \d/,
    limit: 1_500,
  },
  {
    name: "a file that does not load",
    text: `throw new Error("not loaded");`,
    expected: /./,
  },
];

const LANES: Lane[] = [
  { name: "deno", runtime: "deno", format: "source", flags: ["-A"] },
  { name: "node24", runtime: "node24", format: "esm", flags: [] },
  { name: "bun", runtime: "bun", format: "esm", flags: [] },
];

for (const lane of LANES) {
  for (const { name, text, expected, limit } of ENDS) {
    test(`run lane: ${name} on ${lane.name}`, async () => {
      const dir = await Deno.makeTempDir();
      try {
        const file = `${dir}/ends_test.mjs`;
        const head =
          `import { test } from "node:test"; import process from "node:process"; void [test, process];`;
        await Deno.writeTextFile(file, `${head}\n${text}\n`);
        const { report } = await runFiles(lane, [file], [], limit);
        assertEquals(report.failures.length, 1, JSON.stringify(report));
        assertMatch(report.failures[0].name, expected);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    });
  }
}
