/**
 * What a run of the lab came to, as text and for the test command.
 *
 * @module
 */

import type { Report } from "../../scripts/junit.ts";
import type { Row } from "./run.ts";

/** The name of a case on a runtime: `1 idle, nobody reads (accept) on node20`. */
export function nameOf({ scenario, case: name, side, runtime }: Row | NamedRun): string {
  return `${scenario} ${name} (${side}) on ${runtime}`;
}

/** A run that was not made. */
export interface NamedRun {
  scenario: number;
  case: string;
  side: string;
  runtime: string;
}

/** For the test command. */
export function reportOf(rows: Row[], skipped: { run: NamedRun; reason: string }[]): Report {
  return {
    passed: rows.filter(({ passed }) => passed).length,
    failures: rows.filter(({ passed }) => !passed)
      .map((row) => ({
        name: nameOf(row),
        text: `${lineOf(row)}\n${row.wrong.map((line) => `  ${line}`).join("\n")}`,
      })),
    skips: skipped.map(({ run, reason }) => ({ name: nameOf(run), reason })),
  };
}

/** One line of a row. */
export function lineOf(row: Row): string {
  const parts = [row.passed ? "ok  " : "FAIL", nameOf(row).padEnd(72)];
  if (row.predicted !== undefined) parts.push(`predicted ${row.predicted}`);
  if (row.measured !== undefined) parts.push(`measured ${row.measured}`);
  if (row.code !== undefined) parts.push(row.code);
  if (row.toldAfter !== undefined) parts.push(`told after ${row.toldAfter}`);
  if (row.suspectAt !== undefined) parts.push(`suspect at ${row.suspectAt}`);
  for (const [name, value] of Object.entries(row.notes)) parts.push(`${name} ${JSON.stringify(value)}`);
  return parts.join("  ");
}

/** A table of cases against runtimes: predicted, and measured on each. */
export function tableOf(rows: Row[], runtimes: string[]): string {
  const lines: string[][] = [["scenario", "predicted", ...runtimes]];
  const keys = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.scenario} ${row.case} (${row.side})`;
    keys.set(key, [...keys.get(key) ?? [], row]);
  }
  for (const [key, of] of keys) {
    const predicted = [...new Set(of.map((row) => row.predicted ?? "-"))].join(" / ");
    lines.push([key, predicted, ...runtimes.map((name) => cell(of.find((row) => row.runtime === name)))]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((text, column) => column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])).join(
      "  ",
    )
  ).join("\n");
}

function cell(row: Row | undefined): string {
  if (row === undefined) return "";
  const value = row.measured === undefined ? row.passed ? "lives" : "?" : String(Math.round(row.measured));
  return row.passed ? value : `${value}!`;
}
