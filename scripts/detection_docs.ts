/**
 * Writes docs/detection.md and docs/detection/*.svg out of docs/detection.json
 * and docs/detection/*.json, which `deno task lab --write` measures.
 *
 * - `--check`: fails when they differ
 *
 * @module
 */
import { type Detection, documentOf, fileOf, settingInWords, versionOf } from "../tests/lab/docs.ts";
import { drawing } from "../tests/lab/docs_drawing.ts";
import type { Row } from "../tests/lab/run.ts";
import { joined, type Timeline, type TimelineEvent } from "../tests/lab/timeline.ts";

const DOCS = new URL("../docs/", import.meta.url);

/** A run of a case with its timeline, and whether the document draws it. */
export interface Drawn {
  row: Row;
  timeline?: Timeline;
  drawn: boolean;
}

if (import.meta.main) await update(DOCS, Deno.args.includes("--check"));

async function update(docs: URL, check: boolean): Promise<void> {
  const made = await generated(docs);
  let different = 0;
  for (const [name, text] of made) {
    const file = new URL(name, docs);
    if (await Deno.readTextFile(file).catch(() => undefined) === text) continue;
    different++;
    if (check) console.error(`docs/${name} differs from what the JSON beside it gives`);
    else await Deno.writeTextFile(file, text);
  }
  for await (const { name } of Deno.readDir(new URL("detection/", docs))) {
    if (!name.endsWith(".svg") || made.has(`detection/${name}`)) continue;
    different++;
    if (check) console.error(`docs/detection/${name} has no timeline`);
    else await Deno.remove(new URL(`detection/${name}`, docs));
  }
  if (check && different > 0) {
    console.error("run deno run -A scripts/detection_docs.ts");
    Deno.exit(1);
  }
  console.log(check ? "docs/ is what its JSON gives" : `${different} files of docs/ written`);
}

/** The files that come from the JSON under `docs`, by their names there. */
export async function generated(docs: URL): Promise<Map<string, string>> {
  const detection: Detection = JSON.parse(await Deno.readTextFile(new URL("detection.json", docs)));
  const timelines: Timeline[] = [];
  for await (const { name } of Deno.readDir(new URL("detection/", docs))) {
    if (name.endsWith(".json")) {
      timelines.push(JSON.parse(await Deno.readTextFile(new URL(`detection/${name}`, docs))));
    }
  }
  timelines.sort((a, b) => a.scenario - b.scenario);
  return new Map([
    ["detection.md", await formatted(documentOf(detection, timelines))],
    ...timelines.map((one): [string, string] => [`detection/${fileOf(one.scenario)}.svg`, drawing(one)]),
  ]);
}

/** Keeps what a whole run measured, and writes the documents. */
export async function writeDetection(runs: Drawn[], docs = DOCS): Promise<void> {
  const { sysname, release } = { sysname: "Linux", release: Deno.osRelease() };
  const titles = Object.fromEntries(
    runs.flatMap(({ timeline }) => timeline ? [[timeline.scenario, timeline.title]] : []),
  );
  const rows = runs.map(({ row: { wrong: _, ...row } }) => row);
  const head = JSON.stringify({ kernel: `${sysname} ${/^\d+\.\d+/.exec(release)?.[0] ?? release}`, titles });
  await Deno.mkdir(new URL("detection/", docs), { recursive: true });
  await Deno.writeTextFile(new URL("detection.json", docs), `${head.slice(0, -1)},"rows":${lines(rows)}}\n`);
  for (const { row, timeline } of runs.filter(({ drawn, timeline }) => drawn && timeline)) {
    const { events, ...rest } = {
      ...timeline!,
      runtime: versionOf(row.runtime, [row]),
      options: `${row.case}; ${settingInWords(row)}`,
    };
    const text = `${JSON.stringify(rest).slice(0, -1)},"events":${lines(thinned(events))}}\n`;
    await Deno.writeTextFile(new URL(`detection/${fileOf(row.scenario)}.json`, docs), text);
  }
  await update(docs, false);
}

/** As much of a flow as a picture can show. */
function thinned(events: TimelineEvent[]): TimelineEvent[] {
  const [first, last] = [events[0]?.at ?? 0, events.at(-1)?.at ?? 0];
  return joined(events, (last - first) / 150).map((event) =>
    event.until === undefined ? event : { ...event, until: Math.round(10 * event.until) / 10 }
  );
}

/** A list with one element a line, so that a difference is a line's. */
function lines(list: unknown[]): string {
  return `[\n${list.map((one) => JSON.stringify(one)).join(",\n")}\n]`;
}

async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "--line-width", "110", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { stdout, success } = await child.output();
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}
