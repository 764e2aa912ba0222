/**
 * The programs in `examples/`, on the runtimes they are written for, with the
 * built package under its name.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { cpSync, rmSync, symlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { run } from "../../scripts/process.ts";
import { runtime, type RuntimeName } from "../../scripts/runtimes.ts";
import { repositoryPath } from "../kit/runtime.ts";
import { closeHall, hall } from "./hall.ts";
import type { ServerName } from "./servers.ts";

interface Example {
  name: string;
  runtimes: RuntimeName[];
  server?: ServerName;
  prints: string[];
}

const EXAMPLES: Example[] = [
  {
    name: "redis",
    runtimes: ["bun"],
    server: "redis",
    prints: ["OK", "hello from keepwire", "a dead server is noticed within 45 s"],
  },
  { name: "postgres", runtimes: ["deno"], server: "postgres", prints: ["1 + 2 + … + 100 = 5050"] },
  { name: "mqtt", runtimes: ["node24", "node26"], server: "mosquitto", prints: ["hello from keepwire"] },
  {
    name: "framed",
    runtimes: ["node20", "node26", "deno", "bun"],
    prints: ["8 bytes: eriwpeek", "110000 bytes:  egassem"],
  },
];

const FOLDER = repositoryPath(".runtimes/clients");

before(async () => {
  await hall();
  cpSync(repositoryPath("examples"), `${FOLDER}/examples`, { recursive: true });
  rmSync(`${FOLDER}/node_modules/keepwire`, { recursive: true, force: true });
  symlinkSync(repositoryPath(".runtimes/with_koffi"), `${FOLDER}/node_modules/keepwire`);
});

for (const { name, runtimes, server, prints } of EXAMPLES) {
  for (const where of runtimes) {
    test(`examples/${name}.mjs on ${where}`, async () => {
      const { servers } = await hall();
      const port = server && servers.get(server)?.ports.plain;
      if (server && !port) throw new Error(`there is no ${server} on this machine`);
      const { kind, binary } = runtime(where);
      const command = [...kind === "deno" ? [binary, "run", "-A"] : [binary], `examples/${name}.mjs`];
      const ended = await run([...command, ...port ? [`${port}`] : []], {
        cwd: FOLDER,
        limit: 30_000,
        env: { NO_COLOR: "1", NODE_NO_WARNINGS: "1" },
      });
      assertEquals([ended.code, ended.output.trim().split("\n")], [0, prints]);
    });
  }
}

after(closeHall);
