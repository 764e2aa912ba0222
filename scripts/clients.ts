/**
 * The clients that the tests run through the library, pinned. They come from
 * npm into `.runtimes/clients/`; shipped code depends on none of them.
 *
 * ```sh
 * deno run -A scripts/clients.ts
 * ```
 *
 * @module
 */

import { run } from "./process.ts";
import { runtime } from "./runtimes.ts";

/** The only place where the versions are written. A name of its own stands before `@npm:`. */
const PINS: Record<string, string> = {
  "pg": "8.23.1",
  "postgres": "3.4.9",
  "mysql2": "3.24.5",
  "mariadb": "3.5.4",
  "ioredis": "6.0.0",
  "mqtt": "5.16.0",
  "@nats-io/nats-core": "3.4.0",
  "@nats-io/transport-node": "3.4.0",
  "undici": "8.12.4",
  // The last major version that runs on Node 20.
  "undici7": "npm:undici@7.30.2",
  "pg-cloudflare": "1.4.1",
  "redis-on-workers": "0.3.1",
  // Bundles what is written for Workers.
  "esbuild": "0.28.2",
};

/** The folder in which programs find the clients by their names. */
export const CLIENTS: string = decodeURIComponent(new URL("../.runtimes/clients/", import.meta.url).pathname);

/**
 * Installs what is missing.
 *
 * @throws when npm fails
 */
export async function installClients(say: (line: string) => void = console.log): Promise<void> {
  const wanted = Object.entries(PINS);
  const there = await Promise.all(
    wanted.map(async ([name, version]) => await installed(name) === version.replace(/^npm:.*@/, "")),
  );
  if (there.every(Boolean)) return;
  say(`installing into .runtimes/clients: ${Object.keys(PINS).join(", ")}`);
  await Deno.mkdir(CLIENTS, { recursive: true });
  // Deno finds packages in a folder that has one of these.
  await Deno.writeTextFile(`${CLIENTS}package.json`, `{ "private": true, "type": "module" }\n`);
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  // Always all of them: npm removes what a `--no-save` install does not name.
  const specs = wanted.map(([name, version]) => `${name}@${version}`);
  const ended = await run(["npm", "install", "--prefix", CLIENTS, ...flags, ...specs]);
  if (ended.code !== 0) throw new Error(`npm install failed:\n${ended.output}`);
}

/** One that pg and its like take for Workers. Node 20 has no `navigator` at all. */
const AS_ON_WORKERS = "import { createRequire as requireFrom } from 'node:module';" +
  "const require = requireFrom(import.meta.url);" +
  "Object.defineProperty(globalThis, 'navigator', " +
  "{ value: { userAgent: 'Cloudflare-Workers' }, configurable: true });";

/**
 * Bundles drivers as for Workers, each into a `.bundle.mjs` beside it, with
 * `standard.mjs` in the place of `cloudflare:sockets`.
 *
 * @throws when esbuild fails
 */
export async function bundleDrivers(names: string[]): Promise<void> {
  const drivers = `${CLIENTS}drivers`;
  const ended = await run([
    runtime("node24").binary,
    `${CLIENTS}node_modules/esbuild/bin/esbuild`,
    ...names.map((name) => `${drivers}/${name}.mjs`),
    `--outdir=${drivers}`,
    "--out-extension:.js=.bundle.mjs",
    "--bundle",
    "--format=esm",
    "--platform=node",
    "--conditions=workerd",
    `--alias:cloudflare:sockets=${drivers}/standard.mjs`,
    "--external:pg-native",
    "--log-level=warning",
    `--banner:js=${AS_ON_WORKERS}`,
  ]);
  if (ended.code !== 0) throw new Error(`esbuild failed:\n${ended.output}`);
}

async function installed(name: string): Promise<string | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${CLIENTS}node_modules/${name}/package.json`)).version;
  } catch {
    return undefined;
  }
}

if (import.meta.main) await installClients();
