/**
 * docs/detection.md and its pictures, out of the rows and timelines of a run.
 * Pure: the same JSON gives the same files.
 *
 * @module
 */
import { INTRODUCTION, SCENARIO_TEXT } from "./docs_text.ts";
import type { KeepAlive } from "../../mod.ts";
import type { Row } from "./run.ts";
import type { Timeline } from "./timeline.ts";

/** What docs/detection.json holds. */
export interface Detection {
  /** `Linux 6.18`. */
  kernel: string;
  /** By scenario number. */
  titles: Record<string, string>;
  rows: DetectionRow[];
}

/** A row without what only matters when something is wrong. */
export type DetectionRow = Omit<Row, "wrong">;

/** As the columns stand. */
const RUNTIMES: Record<string, string> = {
  deno: "Deno",
  node20: "Node 20",
  node22: "Node 22",
  node24: "Node 24",
  node26: "Node 26",
  bun: "Bun",
};

/** The whole document, as Markdown that is not formatted yet. */
export function documentOf(detection: Detection, timelines: Timeline[]): string {
  const numbers = [...new Set(detection.rows.map(({ scenario }) => scenario))].sort((a, b) => a - b);
  return [
    INTRODUCTION.trim(),
    summaryOf(detection),
    ...numbers.map((number) => sectionOf(number, detection, timelines)),
  ].join("\n\n") + "\n";
}

/** The one look: how many, on what, how far off. */
function summaryOf({ kernel, rows }: Detection): string {
  const died = rows.filter(({ predicted, measured }) => predicted !== undefined && measured !== undefined);
  const late = died.map(({ predicted, measured }) => measured! - predicted!);
  const shares = died.map(({ predicted, measured }) => (measured! / predicted! - 1) * 100);
  const failed = rows.filter(({ passed }) => !passed).length;
  const versions = runtimesOf(rows).map((name) => versionOf(name, rows)).join(", ");
  const earliest = Math.min(...shares);
  return [
    `${rows.length} runs on ${kernel}, with ${versions}: ${
      failed === 0 ? "all passed" : `${failed} failed`
    }.`,
    died.length === 0 ? "" : `Of ${died.length} deaths and refusals ` +
      (earliest < 0 ? `the earliest came ${(-earliest).toFixed(1)} % before` : "none came before") +
      ` its prediction, the latest ${seconds(Math.max(...late))} s after it.`,
    "All times are seconds. *Set* is idle / interval / count / user timeout; a single number is a user timeout " +
    "without keepalive. A case is on a connection that we " +
    "dialled, unless it says *accepted*.",
  ].filter(Boolean).join(" ");
}

function sectionOf(number: number, { titles, rows }: Detection, timelines: Timeline[]): string {
  const own = rows.filter(({ scenario }) => scenario === number);
  const title = titles[number] ?? `Scenario ${number}`;
  const drawn = timelines.find(({ scenario }) => scenario === number);
  const parts = [`### ${number}. ${title}`, SCENARIO_TEXT[number] ?? ""];
  if (drawn) parts.push(`![${describe(drawn)}](detection/${fileOf(number)}.svg)`);
  parts.push(markdown(tableOf(own)));
  const figures = figuresOf(own);
  if (figures.length > 1) parts.push(markdown(figures));
  return parts.filter(Boolean).join("\n\n");
}

function describe({ title, runtime, marks, predicted }: Timeline): string {
  const end = marks.dead === undefined ? "the connection lives" : `told after ${seconds(marks.dead)} s`;
  const before = predicted === undefined ? "" : `, predicted ${seconds(predicted)} s`;
  return `Timeline of "${title}" on ${runtime}: ${end}${before}`;
}

/** The name of a scenario's files: `01`. */
export function fileOf(scenario: number): string {
  return String(scenario).padStart(2, "0");
}

/** A line per case: what was predicted, and what came on each runtime. */
function tableOf(rows: DetectionRow[]): string[][] {
  const runtimes = runtimesOf(rows);
  const lines = [...grouped(rows)].map(([name, of]) => {
    const codes = [...new Set(of.map(({ code }) => code).filter((code) => code !== undefined))];
    return [
      name,
      settingOf(of[0]),
      predictionOf(of),
      ...runtimes.map((runtime) => cellOf(of.find((row) => row.runtime === runtime))),
      codes.map((code) => `\`${code}\``).join(", "),
    ];
  });
  return [
    ["Case", "Set", "Predicted", ...runtimes.map((name) => RUNTIMES[name] ?? name), "Error"],
    ...lines,
  ];
}

/** What the cases themselves noted: `event-loop delay`, whatever its unit. */
function figuresOf(rows: DetectionRow[]): string[][] {
  const runtimes = runtimesOf(rows);
  const lines = [...grouped(rows)].flatMap(([name, of]) => {
    const notes = new Set(of.flatMap((row) => Object.keys(row.notes)));
    return [...notes].map((note) => [
      name,
      note,
      ...runtimes.map((runtime) => wordsOf(of.find((row) => row.runtime === runtime)?.notes[note])),
    ]);
  });
  return [["Case", "Figure", ...runtimes.map((name) => RUNTIMES[name] ?? name)], ...lines];
}

function wordsOf(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(Math.round(value * 10) / 10);
  return (typeof value === "string" ? value : JSON.stringify(value)).replaceAll("|", "\\|");
}

/** By case and side, in the order they came. */
function grouped(rows: DetectionRow[]): Map<string, DetectionRow[]> {
  const groups = new Map<string, DetectionRow[]>();
  for (const row of rows) {
    const name = row.side === "accept" ? `${row.case} (accepted)` : row.case;
    groups.set(name, [...groups.get(name) ?? [], row]);
  }
  return groups;
}

/** The keepalive that was asked for, defaults included, as short as it goes: `2 / 1 / 3 / 6`. */
export function settingOf(row: Pick<DetectionRow, "options">): string {
  const values = valuesOf(row);
  return values === undefined ? "off" : values.map(([, value]) => value).join(" / ");
}

/** The same in words: `idle 2 s, interval 1 s, count 3, user timeout 6 s`. */
export function settingInWords(row: Pick<DetectionRow, "options">): string {
  const values = valuesOf(row);
  const unit = (name: string) => name === "count" ? "" : " s";
  return values?.map(([name, value]) => `${name} ${value}${unit(name)}`).join(", ") ?? "no keepalive";
}

function valuesOf({ options }: Pick<DetectionRow, "options">): [string, string][] | undefined {
  const { keepAlive } = options as { keepAlive: boolean | KeepAlive };
  const asked = typeof keepAlive === "boolean" ? { enabled: keepAlive } : keepAlive;
  const { enabled = true, idle = 15_000, interval = 15_000, count = 9, userTimeout } = asked as KeepAlive;
  const time = (value: number | null) => value === null ? "-" : String(value / 1000);
  const keepalive: [string, string][] = [["idle", time(idle)], ["interval", time(interval)], [
    "count",
    String(count ?? "-"),
  ]];
  if (userTimeout === undefined || userTimeout === null) return enabled ? keepalive : undefined;
  return [...(enabled ? keepalive : []), ["user timeout", time(userTimeout)]];
}

/** One number, or the span where it depends on the path's round trip. */
function predictionOf(rows: DetectionRow[]): string {
  const all = rows.map(({ predicted }) => predicted).filter((one) => one !== undefined);
  if (all.length === 0) return "";
  const [least, most] = [Math.min(...all), Math.max(...all)].map(seconds);
  return least === most ? least : `${least} to ${most}`;
}

function cellOf(row: DetectionRow | undefined): string {
  if (row === undefined) return "";
  const value = row.measured === undefined ? row.passed ? "lives" : "?" : seconds(row.measured);
  return row.passed ? value : `**${value}, failed**`;
}

function runtimesOf(rows: DetectionRow[]): string[] {
  return Object.keys(RUNTIMES).filter((name) => rows.some(({ runtime }) => runtime === name));
}

/** `Node 26.10.0`, `Deno 2.9.6`. */
export function versionOf(runtime: string, rows: Pick<DetectionRow, "runtime" | "version">[]): string {
  const version = rows.find((row) => row.runtime === runtime)?.version ?? "";
  return `${(RUNTIMES[runtime] ?? runtime).replace(/ \d+$/, "")} ${version}`.trim();
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(2);
}

/** A table; `deno fmt` makes its columns even. */
function markdown(rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}
