/**
 * Writes the support tables into README.md and docs/limits.md, from the
 * capability tables: between `<!-- support-table:start -->` and
 * `<!-- support-table:end -->`.
 *
 * - `--check`: fails when one of them differs
 *
 * @module
 */
import { capabilitiesFor } from "../core/capability.ts";
import { KERNEL_OPTIONS } from "../core/keepalive/plan.ts";
import { FFI_HELP, NO_FFI, type ReleaseRow, RELEASES, TESTED_SYSTEMS } from "../core/tables/capability.ts";
import { SOCKOPTS } from "../core/tables/sockopt.ts";
import { TLS } from "../core/tables/tls_capability.ts";
import { hasTcpInfo, tellsHealth } from "../core/tcp_info.ts";
import type { Runtime } from "../core/types.ts";

const NAMES = { node: "Node", deno: "Deno", bun: "Bun", workerd: "workerd" };
const NOTICES = {
  always: "always",
  whileReadAheadHasRoom: "while `readAhead` has room",
  onWrite: "on write",
};

/** The documents, and the tables of each. */
const TABLES: Record<string, () => string[][][]> = {
  "README.md": () => [runtimeRows(), systemRows()],
  "docs/limits.md": () => [tlsRows()],
};

if (import.meta.main) {
  for (const name of Object.keys(TABLES)) await update(name, Deno.args.includes("--check"));
}

async function update(name: string, check: boolean): Promise<void> {
  const file = new URL(`../${name}`, import.meta.url);
  const text = await Deno.readTextFile(file);
  const updated = withTables(text, name);
  if (text === updated) return console.log(`${name} has the support tables of core/tables`);
  if (check) {
    console.error(`${name} differs from core/tables: run deno run -RW scripts/support_table.ts`);
    Deno.exit(1);
  }
  await Deno.writeTextFile(file, updated);
  console.log(`${name} written`);
}

/**
 * The text with the tables of today between the markers.
 *
 * @param name Of the document: `"README.md"` or `"docs/limits.md"`.
 * @throws {Error} A marker is missing.
 */
export function withTables(text: string, name = "README.md"): string {
  const [start, end] = ["<!-- support-table:start -->", "<!-- support-table:end -->"];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${name} has no ${start} with a ${end} after it`);
  const tables = TABLES[name]().map(markdown).join("\n");
  return `${text.slice(0, from)}${start}\n\n${tables}\n${text.slice(to)}`;
}

/** One row per runtime and what differs between its versions. */
function runtimeRows(): string[][] {
  const head = [
    "Runtime",
    ...KERNEL_OPTIONS.map((name) => `\`${name}\``),
    "All, read back, `tcpInfo` and `watchHealth` by",
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
    ) => [`${runtime} ${versions.join(", ")}`.trimEnd(), ...cells]),
  ];
}

function cellsOf({ runtime, from: version, ffi }: ReleaseRow): string[] {
  const on = (available: boolean) =>
    capabilitiesFor({ runtime, version, os: "linux", arch: "x64", ffi: { available } });
  const [plain, full] = [on(false), on(FFI_HELP[ffi].provider !== "none")];
  const wordOf = { native: "native", ffi: "by FFI", none: "no" };
  const natively = KERNEL_OPTIONS.map((name) =>
    wordOf[plain.routes[name].set === "native" ? "native" : full.routes[name].set]
  );
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

/** `24.19.0` until the next major release is `24.19+`; a runtime that does not tell its version has none. */
function versionsOf({ from, below }: ReleaseRow): string {
  if (from === "0.0.0" && below === undefined) return "";
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
      numbers.TCP_INFO && hasTcpInfo(os) ? "yes" : "no",
      numbers.TCP_INFO && tellsHealth(os) ? "yes" : "no",
      TESTED_SYSTEMS.includes(os) ? "tested" : "not yet run",
    ];
    const row = rows.get(cells.join()) ?? { systems: [], cells };
    row.systems.push(os);
    rows.set(cells.join(), row);
  }
  return [
    ["System", "FFI", "`TCP_USER_TIMEOUT`", "`tcpInfo`", "`watchHealth`", "State"],
    ...[...rows.values()].map(({ systems, cells }) => [systems.join(", "), ...cells]),
  ];
}

/** What TLS can do, a row per runtime. */
function tlsRows(): string[][] {
  const yes = (value: boolean) => (value ? "yes" : "no");
  const certificates = { always: "yes", connect: "with `connect` alone", never: "no" };
  return [
    [
      "Runtime",
      "Client",
      "Server",
      "Certificate of a client",
      "Asked of clients",
      "`connection.tls`",
      "Truncation told",
    ],
    ...(Object.keys(NAMES) as Runtime[]).map((runtime) => { // as the table has them
      const { client, server, clientCert, requestCert, info, truncation } = TLS[runtime];
      const told = info ? "version, ALPN, certificate" : server ? "ALPN" : "nothing";
      return [
        NAMES[runtime],
        yes(client),
        yes(server),
        certificates[clientCert],
        yes(requestCert),
        told,
        yes(truncation),
      ];
    }),
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
