/** docs/detection.md and the pictures are what the measured JSON gives. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { generated, writeDetection } from "../../scripts/detection_docs.ts";
import { documentOf, settingInWords, settingOf } from "../lab/docs.ts";
import type { Row } from "../lab/run.ts";
import type { Timeline } from "../lab/timeline.ts";

const DOCS = new URL("../../docs/", import.meta.url);

function row(runtime: string, more: Partial<Row> = {}): Row {
  return {
    scenario: 1,
    case: "idle",
    side: "connect",
    runtime,
    version: runtime === "deno" ? "2.9.6" : "26.10.0",
    options: { keepAlive: { idle: 2000, interval: 1000, count: 3 } },
    predicted: 5000,
    measured: 5100,
    code: "ETIMEDOUT",
    notes: {},
    wrong: [],
    passed: true,
    ...more,
  };
}

const TIMELINE: Timeline = {
  scenario: 1,
  title: "Idle",
  runtime: "deno",
  cut: 300,
  predicted: 5000,
  events: [{ at: 2000, from: "us", kind: "probe", delivered: false, bytes: 0 }],
  marks: { t0: 0, dead: 5100 },
  code: "ETIMEDOUT",
};

const detection = (rows: Row[]) => ({ kernel: "Linux 6.18", titles: { 1: "Idle" }, rows });
const cellsOf = (text: string, start: string) =>
  text.split("\n").find((line) => line.startsWith(`| ${start} |`))?.split("|").slice(1, -1).map((cell) =>
    cell.trim()
  );

test("detection: a row per case, a column per runtime", () => {
  const rows = [row("deno"), row("node26", { measured: 4900 }), row("deno", { side: "accept" })];
  const text = documentOf(detection(rows), [TIMELINE]);
  assertEquals(cellsOf(text, "Case"), ["Case", "Set", "Predicted", "Deno", "Node 26", "Error"]);
  assertEquals(cellsOf(text, "idle"), ["idle", "2 / 1 / 3", "5.00", "5.10", "4.90", "`ETIMEDOUT`"]);
  assertEquals(cellsOf(text, "idle (accepted)"), [
    "idle (accepted)",
    "2 / 1 / 3",
    "5.00",
    "5.10",
    "",
    "`ETIMEDOUT`",
  ]);
  assert(text.includes("3 runs on Linux 6.18, with Deno 2.9.6, Node 26.10.0: all passed. Of 3 deaths"));
  assert(text.includes("the earliest came 2.0 % before its prediction, the latest 0.10 s after it."));
  assert(text.includes("![Timeline of"));
});

test("detection: a failure, a life, a prediction that differs and figures are shown as such", () => {
  const rows = [
    row("deno", { passed: false, wrong: ["late"], measured: 9000 }),
    row("node26", { predicted: 5250 }),
    row("deno", { case: "life", predicted: undefined, measured: undefined, code: undefined }),
    row("deno", { case: "crowd", notes: { delay: 12.345, how: "a|b" } }),
  ];
  const text = documentOf(detection(rows), []);
  assertEquals(cellsOf(text, "idle")?.slice(2, 5), ["5.00 to 5.25", "**9.00, failed**", "5.10"]);
  assertEquals(cellsOf(text, "life")?.slice(2, 4), ["", "lives"]);
  assert(text.includes("| crowd | delay | 12.3 |  |"));
  assert(text.includes("a\\|b"));
  assert(text.includes("1 failed"));
});

test("detection: what was set, in short and in words", () => {
  const both = (keepAlive: unknown) => [
    settingOf({ options: { keepAlive } }),
    settingInWords({ options: { keepAlive } }),
  ];
  assertEquals(both(true), ["15 / 15 / 9", "idle 15 s, interval 15 s, count 9"]);
  assertEquals(both(false), ["off", "no keepalive"]);
  assertEquals(both({ idle: 1000, userTimeout: 1500 }), [
    "1 / 15 / 9 / 1.5",
    "idle 1 s, interval 15 s, count 9, user timeout 1.5 s",
  ]);
  assertEquals(both({ enabled: false, userTimeout: 2000 }), ["2", "user timeout 2 s"]);
});

test("detection: what a run measured is kept, and writing it twice changes nothing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const docs = new URL(`file://${folder}/`);
    await Deno.mkdir(new URL("detection/", docs));
    await Deno.writeTextFile(new URL("detection/9.svg", docs), "of a scenario that is no more");
    const runs = [
      { row: row("deno"), timeline: TIMELINE, drawn: true },
      { row: row("node26"), timeline: { ...TIMELINE, runtime: "node26" }, drawn: false },
    ];
    await writeDetection(runs, docs);
    const names = [...Deno.readDirSync(new URL("detection/", docs))].map(({ name }) => name).sort();
    assertEquals(names, ["01.json", "01.svg"]);
    for (const [name, text] of await generated(docs)) {
      assertEquals(await Deno.readTextFile(new URL(name, docs)), text, name);
    }
    const drawn = JSON.parse(await Deno.readTextFile(new URL("detection/01.json", docs)));
    assertEquals([drawn.runtime, drawn.options], ["Deno 2.9.6", "idle; idle 2 s, interval 1 s, count 3"]);
    const kept = JSON.parse(await Deno.readTextFile(new URL("detection.json", docs)));
    assertEquals(kept.rows.length, 2);
    assert(!("wrong" in kept.rows[0]), "what was wrong is not kept");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
test("detection: docs/ is what the JSON in it gives", async () => {
  for (const [name, text] of await generated(DOCS)) {
    assertEquals(
      await Deno.readTextFile(new URL(name, DOCS)),
      text,
      `docs/${name}: run scripts/detection_docs.ts`,
    );
  }
});
