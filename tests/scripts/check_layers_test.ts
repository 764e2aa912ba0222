import { assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { test } from "node:test";
import { checkLayers } from "../../scripts/check_layers.ts";

/** A tree that keeps every rule; each case below breaks one. */
const KEPT: Record<string, string> = {
  "mod.ts": `export { open } from "./adapters/select.ts";\nexport type { A } from "./core/types.ts";\n`,
  "core/types.ts": `import { numbers } from "./tables/numbers.ts";\nexport type A = typeof numbers;\n`,
  "core/tables/numbers.ts": `// Deno, Bun, process\nexport const numbers = ["Deno", "process"];\n`,
  "adapters/select.ts": `export { open } from "./node/mod.ts";\nimport "./deno/mod.ts";\n`,
  "adapters/node/mod.ts":
    `import type { Socket } from "node:net";\nimport { shared } from "../shared/x.ts";\nimport { numbers } from "../../core/tables/numbers.ts";\nexport async function open(s: Socket) { await process.x; return [s, shared, numbers]; }\n`,
  "adapters/deno/mod.ts": `export const deno = () => Deno.version;\n`,
  "adapters/shared/x.ts": `import type { A } from "../../core/types.ts";\nexport const shared: A = [];\n`,
};

interface Case {
  name: string;
  file: string;
  text: string;
  expected: string;
}

const BROKEN: Case[] = [
  {
    name: "an adapter imports another",
    file: "adapters/deno/mod.ts",
    text: `\nimport { open } from "../node/mod.ts";`,
    expected: "adapters/deno/mod.ts:2: adapter deno imports adapter node (adapters/node/mod.ts)",
  },
  {
    name: "shared imports an adapter",
    file: "adapters/shared/x.ts",
    text: `export * from "../node/mod.ts";`,
    expected: "adapters/shared/x.ts:1: shared imports adapter node (adapters/node/mod.ts)",
  },
  {
    name: "an adapter imports the selection",
    file: "adapters/deno/mod.ts",
    text: `export * from "../select.ts";`,
    expected: "adapters/deno/mod.ts:1: adapter deno imports select (adapters/select.ts)",
  },
  {
    name: "core imports an adapter, as a type",
    file: "core/types.ts",
    text: `export type A = import("../adapters/node/mod.ts").A;`,
    expected: "core/types.ts:1: core imports adapter node (adapters/node/mod.ts)",
  },
  {
    name: "tables import core",
    file: "core/tables/numbers.ts",
    text: `import type { A } from "../types.ts";\nexport const numbers: A = [];`,
    expected: "core/tables/numbers.ts:1: tables imports core (core/types.ts)",
  },
  {
    name: "anything imports a door",
    file: "adapters/deno/mod.ts",
    text: `export * from "../../mod.ts";`,
    expected: "adapters/deno/mod.ts:1: adapter deno imports door (mod.ts)",
  },
  {
    name: "shipped code imports tests",
    file: "adapters/deno/mod.ts",
    text: `export * from "../../tests/x.ts";`,
    expected: "adapters/deno/mod.ts:1: imports tests/x.ts, which is not shipped",
  },
  ...[
    "npm:koffi",
    "jsr:@std/assert",
    "koffi",
    "./host.js",
    "https://example.com/x.ts",
  ].map((specifier) => ({
    name: `shipped code imports ${specifier}`,
    file: "adapters/deno/mod.ts",
    text: `import "${specifier}";`,
    expected:
      `adapters/deno/mod.ts:1: imports "${specifier}": only relative .ts paths and types of node: are allowed`,
  })),
  {
    name: "node: is imported by value",
    file: "adapters/node/mod.ts",
    text: `import { type Socket, connect } from "node:net";\nexport const open = connect;`,
    expected:
      "adapters/node/mod.ts:1: imports node:net by value: use import type, and process.getBuiltinModule on first use",
  },
  {
    name: "an import at run time",
    file: "adapters/node/mod.ts",
    text: `export const open = () => import("node:net");`,
    expected: `adapters/node/mod.ts:1: import("node:net") loads at run time: use process.getBuiltinModule`,
  },
  {
    name: "a runtime's global in core",
    file: "core/types.ts",
    text: `\n\nexport const version = globalThis.process.version;`,
    expected: "core/types.ts:3: process is named outside adapters/",
  },
  {
    name: "a runtime's global in a door",
    file: "mod.ts",
    text: `export const version = Bun.version;`,
    expected: "mod.ts:1: Bun is named outside adapters/",
  },
  {
    name: "top-level await",
    file: "adapters/node/mod.ts",
    text: `try {\n  await Promise.resolve();\n} catch {}\nexport const open = async () => { await 1; };`,
    expected: "adapters/node/mod.ts:2: top-level await, which CommonJS does not have",
  },
  {
    name: "a long file",
    file: "core/types.ts",
    text: "// a line\n".repeat(351),
    expected: "core/types.ts:351: 351 lines, at most 350",
  },
  {
    name: "a file in no layer",
    file: "adapters/other.ts",
    text: "",
    expected: "adapters/other.ts:1: belongs to no layer",
  },
];

async function check(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(`${root}/${path}`), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    return await checkLayers(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

test("layers: a tree that keeps the rules", async () => {
  assertEquals(await check(KEPT), []);
});

for (const { name, file, text, expected } of BROKEN) {
  test(`layers: ${name}`, async () => {
    assertEquals(await check({ ...KEPT, [file]: text }), [expected]);
  });
}
