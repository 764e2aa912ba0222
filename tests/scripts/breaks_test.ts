import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { MUTATIONS } from "../../scripts/breaks.ts";
import { lanes } from "../../scripts/lanes.ts";

const ROOT = new URL("../../", import.meta.url);
const STAGES = ["units", "lab"];

for (const { name, file, find, lane, suite } of MUTATIONS) {
  test(`the break "${name}" still finds what it breaks, and a lane and files to notice it`, async () => {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    assertEquals(source.split(find).length - 1, 1, `how often its text stands in ${file}`);
    assertEquals(
      [...STAGES, ...lanes.map(({ name }) => name)].includes(lane),
      true,
      `no lane is called ${lane}`,
    );
    if (suite === undefined || STAGES.includes(lane)) return;
    const files = [...Deno.readDirSync(new URL("tests/conformance/", ROOT))];
    assertEquals(files.some((entry) => entry.name.startsWith(suite)), true, `no file begins with ${suite}`);
  });
}
