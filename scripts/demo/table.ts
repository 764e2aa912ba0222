/**
 * The demo's tables, for a terminal of 100 columns.
 *
 * @module
 */

import type { HeldKeepAlive } from "../../tests/kit/oracle.ts";
import { runtime } from "../runtimes.ts";
import type { Finding, Side } from "./look.ts";
import { ASKED, PLAIN_CALLS, REACH } from "./rows.ts";

type Paint = "red" | "green" | "dim" | "bold";
const CODES: Record<Paint, number> = { red: 31, green: 32, dim: 2, bold: 1 };

const WIDTH = 100;
const NAME = 17;
const VALUES = ["idle", "interval", "count", "userTimeout"] as const;
const WIDTHS = { idle: 10, interval: 9, count: 7, userTimeout: 9 };
const BLOCK = Object.values(WIDTHS).reduce((sum, width) => sum + width, 0);

const TITLES: Record<Side, string> = {
  opened: "A connection that was opened",
  accepted: "A connection that was accepted",
};

/** The whole of the demo as text. */
export class Tables {
  readonly #colour: boolean;

  constructor(colour: boolean) {
    this.#colour = colour;
  }

  /** The table of one side. */
  table(side: Side, findings: readonly Finding[]): string {
    const own = findings.filter((finding) => finding.side === side);
    const heads = VALUES.map((name) => (name === "userTimeout" ? "timeout" : name).padEnd(WIDTHS[name])).join(
      "",
    );
    const lines = [
      this.#paint("bold", TITLES[side]),
      "",
      `${" ".repeat(NAME)}${"plain runtime holds".padEnd(BLOCK)}keepwire holds`,
      this.#paint("dim", `${"".padEnd(NAME)}${heads}${heads}route`),
      `${"asked".padEnd(NAME)}${this.#values(ASKED).repeat(2)}`,
    ];
    const names = [...new Set(own.map(({ program }) => program.runtime))];
    for (const name of names) {
      const rows = own.filter(({ program }) => program.runtime === name);
      const [plain, ours] = (["plain", "keepwire"] as const).map((by) =>
        rows.find(({ program }) => program.by === by && program.variant === undefined)
      );
      lines.push(`${nameOf(name).padEnd(NAME)}${this.#cell(plain)}${this.#cell(ours)}${this.#route(ours)}`);
      for (const row of rows) {
        if (row.program.variant !== undefined) lines.push(...this.#variant(row));
      }
    }
    return lines.map((line) => line.trimEnd()).join("\n");
  }

  /** What the tables mean, and how it went. */
  legend(findings: readonly Finding[]): string {
    const ours = findings.filter(({ program }) => program.by === "keepwire");
    const expected = ours.filter(({ program }) => !program.refuses);
    const held = expected.filter(({ ok }) => ok).length;
    const refused = ours.filter(({ program, ok }) => program.refuses && ok).length;
    const line = `keepwire: ${held} of ${expected.length} connections hold the four values, ` +
      `${refused} of ${ours.length - expected.length} that cannot are refused with a hint`;
    const ok = ours.every((finding) => finding.ok);
    // Both sides of a program say the same.
    const failures = new Set(
      findings.map(({ program, failed }) =>
        failed === undefined ? "" : `${nameOf(program.runtime)}: ${program.script[0]} failed:\n${failed}\n`
      ),
    );
    return [
      ...[...failures].filter(Boolean),
      this.#paint("dim", "The plain rows call"),
      ...PLAIN_CALLS.map((call) => this.#paint("dim", `  ${call}`)),
      this.#paint("dim", "No runtime has a call for the user timeout (TCP_USER_TIMEOUT)."),
      this.#paint("dim", "Read from outside each process, by pidfd_getfd(2) and getsockopt(2)."),
      "",
      this.#paint(ok ? "green" : "red", line),
    ].join("\n");
  }

  #variant(row: Finding): string[] {
    const name = `  ${row.program.variant}`.padEnd(NAME);
    if (row.program.by === "plain") return [`${name}${this.#cell(row)}`];
    const pad = " ".repeat(NAME + BLOCK);
    if (!row.refused) return [`${name}${" ".repeat(BLOCK)}${this.#cell(row)}${this.#route(row)}`];
    const [first, ...rest] = wrap(`refused: ${row.refused.hint}`, WIDTH - pad.length);
    const paint = row.ok ? "dim" : "red";
    return [
      `${name}${" ".repeat(BLOCK)}${this.#paint(paint, first)}`,
      ...rest.map((text) => `${pad}${this.#paint(paint, text)}`),
    ];
  }

  #cell(finding: Finding | undefined): string {
    if (finding?.refused) return this.#paint("red", "refused ✗".padEnd(BLOCK));
    if (finding?.failed !== undefined) return this.#paint("red", "failed ✗".padEnd(BLOCK));
    if (!finding?.holds) return "".padEnd(BLOCK);
    if (!finding.holds.enabled) return this.#paint("red", "keepalive off ✗".padEnd(BLOCK));
    return this.#values(finding.holds, true);
  }

  #values(values: HeldKeepAlive, judged = false): string {
    return VALUES.map((name) => {
      const value = values[name];
      const text = name === "count" ? String(value) : value === 0 ? "none" : `${value / 1000} s`;
      if (!judged) return text.padEnd(WIDTHS[name]);
      const right = value === ASKED[name];
      return this.#paint(right ? "green" : "red", `${text}${right ? "" : " ✗"}`.padEnd(WIDTHS[name]));
    }).join("");
  }

  #route(finding: Finding | undefined): string {
    if (!finding?.status) return "";
    const { route } = finding.status;
    return route === "ffi" ? REACH[finding.program.runtime] : route;
  }

  #paint(paint: Paint, text: string): string {
    return this.#colour ? `\x1b[${CODES[paint]}m${text}\x1b[0m` : text;
  }
}

function nameOf(name: Finding["program"]["runtime"]): string {
  const { kind, version } = runtime(name);
  return `${kind[0].toUpperCase()}${kind.slice(1)} ${version}`;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    if (lines[last].length + word.length + 1 > width) lines.push(word);
    else lines[last] = `${lines[last]} ${word}`.trimStart();
  }
  return lines;
}
