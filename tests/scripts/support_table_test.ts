/** The README's tables come from the capability table. */
import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { withTables } from "../../scripts/support_table.ts";

const EMPTY = "before\n<!-- support-table:start -->\nold\n<!-- support-table:end -->\nafter\n";

test("support table: stands between its markers, and writing it twice changes nothing", () => {
  const readme = withTables(EMPTY);
  assert(readme.startsWith("before\n<!-- support-table:start -->\n\n| Runtime"));
  assert(readme.endsWith("|\n\n<!-- support-table:end -->\nafter\n") && !readme.includes("old"));
  assertEquals(withTables(readme), readme);
});

test("support table: says of each release what it can do", () => {
  const rows = withTables(EMPTY).split("\n").map((row) =>
    row.split("|").map((cell) => cell.trim()).slice(1, -1)
  );
  const row = (start: string) => rows.find(([name]) => name?.startsWith(start))?.slice(1);
  assertEquals(row("Node 20.16+, 22.3+, 24 to before 24.19, 26 to before 26.1"), [
    "native",
    "native",
    "by FFI",
    "by FFI",
    "by FFI",
    "koffi",
    "while `readAhead` has room; with FFI always",
    "yes",
  ]);
  assertEquals(row("Node 26.10+")?.slice(0, 6), [
    "native",
    "native",
    "native",
    "native",
    "by FFI",
    "`node:ffi`, or koffi",
  ]);
  assertEquals(row("Deno 2.5+")?.slice(0, 2), ["native", "by FFI"]);
  assertEquals(row("Deno 2.5+")?.at(-1), "no; with FFI yes");
  assertEquals(row("Bun 1.4+")?.at(-2), "always");
  assertEquals(row("linux"), ["yes", "yes", "yes", "yes", "tested"]);
  assertEquals(row("darwin"), ["yes", "no", "yes", "no", "not yet run"]);
  assertEquals(row("windows"), ["no", "no", "no", "no", "not yet run"]);
});

test("support table: needs its markers", () => {
  assertThrows(() => withTables("nothing"), Error, "README.md has no <!-- support-table:start -->");
});

test("support table: docs/limits.md says of each runtime what TLS can do", () => {
  const text = withTables(EMPTY, "docs/limits.md");
  const cells = (runtime: string) =>
    text.split("\n").find((row) => row.startsWith(`| ${runtime} `))?.split("|").slice(2, -1).map((cell) =>
      cell.trim()
    );
  assertEquals(cells("Node"), ["yes", "yes", "yes", "yes", "version, ALPN, certificate", "yes"]);
  assertEquals(cells("Deno"), ["yes", "yes", "with `connect` alone", "no", "ALPN", "yes"]);
  assertEquals(cells("Bun"), ["yes", "yes", "yes", "yes", "version, ALPN, certificate", "no"]);
  assertEquals(cells("workerd"), ["yes", "no", "no", "no", "nothing", "no"]);
});
