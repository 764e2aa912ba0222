/**
 * Programs for edge runtimes are run on others with workerd's user agent put
 * on, and with another module in the place of `cloudflare:sockets`: the adapter
 * of the real runtime must be chosen all the same.
 */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { run } from "../../scripts/process.ts";
import { runtime } from "../../scripts/runtimes.ts";
import { stagePackage } from "../../scripts/staged_package.ts";

const SCRIPT = (library: string) => `
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: "Cloudflare-Workers" },
    configurable: true,
  });
  const { capabilities } = await import(${JSON.stringify(library)});
  console.log(navigator.userAgent, capabilities().runtime);`;

for (const name of ["node20", "node26", "deno", "bun"] as const) {
  test(`choice: ${name} in workerd's clothes`, async () => {
    const { binary, kind } = runtime(name);
    const file = await Deno.makeTempFile({ suffix: ".mjs" });
    try {
      await Deno.writeTextFile(file, SCRIPT(`file://${await stagePackage(() => {})}/esm/mod.js`));
      const flags = kind === "deno" ? ["run", "-A"] : [];
      const { stdout, output } = await run([binary, ...flags, file]);
      assertEquals(stdout.trim(), `Cloudflare-Workers ${kind}`, output);
    } finally {
      await Deno.remove(file);
    }
  });
}
