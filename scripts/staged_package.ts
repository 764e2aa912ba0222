/**
 * The built package in a place of its own, for the demo and the benchmark: in
 * `.runtimes/package`, where koffi is found beside it. It is built again when a
 * source has changed.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { run } from "./process.ts";

const FOLDER = ".runtimes/package";
/** What the package is made from, by its hash. */
const MADE_FROM = `${FOLDER}/made_from`;
const SOURCES = [
  "mod.ts",
  "node_stream.ts",
  "sockets.ts",
  "core",
  "adapters",
  "deno.json",
  "scripts/build_npm.ts",
  "scripts/without_jsr",
];

/** Builds the package unless it is there, and returns its folder as an absolute path. */
export async function stagePackage(say: (line: string) => void = console.error): Promise<string> {
  const root = new URL("../", import.meta.url);
  const path = (name: string) => decodeURIComponent(new URL(name, root).pathname);
  const hash = createHash("sha256");
  for (const source of SOURCES) await addFiles(path(source), hash);
  const wanted = hash.digest("hex");
  const found = await Deno.readTextFile(path(MADE_FROM)).catch(() => "");
  if (found === wanted) return path(FOLDER);

  say("building the npm package");
  const script = ["scripts/build_npm.ts", `--out=${FOLDER}`, "--no-tests"];
  const ended = await run([Deno.execPath(), "run", "-A", "scripts/with_imports.ts", "run", "-A", ...script], {
    cwd: path("."),
  });
  if (ended.code !== 0) throw new Error(`the package was not built:\n${ended.output}`);
  await Deno.writeTextFile(path(MADE_FROM), wanted);
  return path(FOLDER);
}

/** A copy of a staged package where koffi is not found; removed by `await using`. */
export async function copyWithoutKoffi(staged: string): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "keepwire-" });
  const ended = await run(["cp", "-r", `${staged}/package.json`, `${staged}/esm`, folder]);
  if (ended.code !== 0) throw new Error(`the package was not copied:\n${ended.output}`);
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

async function addFiles(path: string, hash: ReturnType<typeof createHash>): Promise<void> {
  const { isDirectory } = await Deno.stat(path);
  if (!isDirectory) {
    hash.update(path).update("\0").update(await Deno.readFile(path)).update("\0");
    return;
  }
  const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  for (const name of names) await addFiles(`${path}/${name}`, hash);
}
