/**
 * Writes the support tables into README.md, from the capability table:
 * between `<!-- support-table:start -->` and `<!-- support-table:end -->`.
 *
 * - `--check`: fails when README.md differs
 *
 * @module
 */
import { capabilitiesFor } from "../core/capability.ts";
import { KERNEL_OPTIONS } from "../core/keepalive/plan.ts";
import { FFI_HELP, NO_FFI, type ReleaseRow, RELEASES, TESTED_SYSTEMS } from "../core/tables/capability.ts";
import { SOCKOPTS } from "../core/tables/sockopt.ts";

const NAMES = { node: "Node", deno: "Deno", bun: "Bun" };
const NOTICES = {
  always: "always",
  whileReadAheadHasRoom: "while `readAhead` has room",
  onWrite: "on write",
};

if (import.meta.main) await update(new URL("../README.md", import.meta.url), Deno.args.includes("--check"));

async function update(file: URL, check: boolean): Promise<void> {
  const readme = await Deno.readTextFile(file);
  const updated = withTables(readme);
  if (readme === updated) return console.log("README.md has the support tables of core/tables/capability.ts");
  if (check) {
    console.error(
      "README.md differs from core/tables/capability.ts: run deno run -RW scripts/support_table.ts",
    );
    Deno.exit(1);
  }
  await Deno.writeTextFile(file, updated);
  console.log("README.md written");
}

/**
 * The text with the tables of today between the markers.
 *
 * @throws {Error} A marker is missing.
 */
export function withTables(readme: string): string {
  const [start, end] = ["<!-- support-table:start -->", "<!-- support-table:end -->"];
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${start} with a ${end} after it`);
  const tables = [markdown(runtimeRows()), markdown(systemRows())].join("\n");
  return `${readme.slice(0, from)}${start}\n\n${tables}\n${readme.slice(to)}`;
}

/** One row per runtime and what differs between its versions. */
function runtimeRows(): string[][] {
  const head = [
    "Runtime",
    ...KERNEL_OPTIONS.map((name) => `\`${name}\``),
    "All, and read back, by",
    "Death noticed",
    "Reset",
  ];
  const rows = new Map<string, { runtime: string; versions: string[]; cells: string[] }>();
  for (const release of RELEASES.filter(({ supported }) => supported)) {
    const cells = cellsOf(release);
    const key = [release.runtime, ...cells].join();
    const row = rows.get(key) ?? { runtime: NAMES[release.runtime], versions: [], cells };
    row.versions.push(versionsOf(release));
    rows.set(key, row);
  }
  return [
    head,
    ...[...rows.values()].map((
      { runtime, versions, cells },
    ) => [`${runtime} ${versions.join(", ")}`, ...cells]),
  ];
}

function cellsOf({ runtime, from: version, ffi }: ReleaseRow): string[] {
  const on = (available: boolean) =>
    capabilitiesFor({ runtime, version, os: "linux", arch: "x64", ffi: { available } });
  const [plain, full] = [on(false), on(true)];
  const natively = KERNEL_OPTIONS.map((name) => (plain.routes[name].set === "native" ? "native" : "by FFI"));
  const both = (without: string, withFfi: string) =>
    without === withFfi ? without : `${without}; with FFI ${withFfi}`;
  const yes = (value: boolean) => (value ? "yes" : "no");
  return [
    ...natively,
    FFI_HELP[ffi].label,
    both(NOTICES[plain.noticesDeath], NOTICES[full.noticesDeath]),
    both(yes(plain.reset), yes(full.reset)),
  ];
}

/** `24.19.0` until the next major release is `24.19+`. */
function versionsOf({ from, below }: ReleaseRow): string {
  const short = (version: string) => version.replace(/(\.0)+$/, "");
  const nextMajor = `${Number(from.split(".")[0]) + 1}.0.0`;
  return below === undefined || below === nextMajor
    ? `${short(from)}+`
    : `${short(from)} to before ${short(below)}`;
}

/** One row per group of systems that do not differ. */
function systemRows(): string[][] {
  const rows = new Map<string, { systems: string[]; cells: string[] }>();
  for (const [os, numbers] of Object.entries(SOCKOPTS)) {
    const cells = [
      Object.hasOwn(NO_FFI, os) ? "no" : "yes",
      numbers.TCP_USER_TIMEOUT ? "yes" : "no",
      TESTED_SYSTEMS.includes(os) ? "tested" : "not yet run",
    ];
    const row = rows.get(cells.join()) ?? { systems: [], cells };
    row.systems.push(os);
    rows.set(cells.join(), row);
  }
  return [
    ["System", "FFI", "`TCP_USER_TIMEOUT`", "State"],
    ...[...rows.values()].map(({ systems, cells }) => [systems.join(", "), ...cells]),
  ];
}

/** A table as `deno fmt` writes it. */
function markdown(rows: string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("");
}
