/**
 * What JSR would say: no slow types, and only shipped files. And every entry
 * exports the same names, types included.
 */
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { run } from "../../scripts/process.ts";
import { ROOT } from "./project.ts";

test("publish: the dry run passes and names shipped files only", async () => {
  const args = ["publish", "--dry-run", "--allow-dirty"];
  const ended = await run([Deno.execPath(), ...args], { cwd: ROOT, env: { NO_COLOR: "1" } });
  assertEquals(ended.code, 0, ended.output);
  const files = [...ended.output.matchAll(/file:\/\/(\S+)/g)].map(([, path]) => path.slice(ROOT.length));
  assert(files.includes("mod.ts"), ended.output);
  const odd = files.filter((file) =>
    !/^(deno\.json|LICENSE|README\.md|mod\.ts|node_stream\.ts|sockets\.ts|(core|adapters)\/.*\.ts)$/.test(
      file,
    )
  );
  assertEquals(odd, []);
});

async function exportedNames(entry: string): Promise<string[]> {
  const ended = await run([Deno.execPath(), "doc", "--json", entry], { cwd: ROOT });
  assertEquals(ended.code, 0, ended.output);
  const { nodes } = JSON.parse(ended.stdout);
  const symbols = Array.isArray(nodes) ? nodes : Object.values(nodes).flatMap((node) =>
    // deno-lint-ignore no-explicit-any -- the output of a command
    (node as any).symbols
  );
  return symbols
    .filter((symbol: { name: string; kind?: string }) => symbol.kind !== "moduleDoc")
    .map((symbol: { name: string }) => symbol.name)
    .sort();
}

test("publish: every entry exports the same names, types included", async () => {
  const main = await exportedNames("mod.ts");
  assert(main.includes("connect") && main.includes("KeepAliveStatus"), main.join(" "));
  for (const adapter of ["node", "deno", "bun", "workerd"]) {
    assertEquals(await exportedNames(`adapters/${adapter}/mod.ts`), main, adapter);
  }
});
