/**
 * A user's project in a folder of its own: files, the packed package installed
 * in it, and commands run there.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { type Ended, run } from "../../scripts/process.ts";

/** The repo's root. */
export const ROOT: string = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** Milliseconds for one command. */
const LIMIT = 40_000;

/** A temporary project; removed by `await using`. */
export class Project implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** An empty project with these files. */
  static async with(files: Record<string, string>): Promise<Project> {
    const project = new Project(await Deno.makeTempDir());
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(project.dir, name), text);
    }
    return project;
  }

  /** Installs the packed package, as a user does it. */
  async installPackage(): Promise<void> {
    await Deno.writeTextFile(join(this.dir, "package.json"), `{ "private": true }\n`);
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"];
    await this.succeeds(["npm", "install", ...flags, await tarball()]);
  }

  /** Runs a command in the project. */
  run(command: string[], env: Record<string, string> = {}): Promise<Ended> {
    return run(command, { cwd: this.dir, limit: LIMIT, env: { NO_COLOR: "1", ...env } });
  }

  /** Runs a command that has to end with code 0, and returns its standard output. */
  async succeeds(command: string[], env: Record<string, string> = {}): Promise<string> {
    const ended = await this.run(command, env);
    assertEquals(ended.code, 0, `${command.join(" ")}\n${ended.output}`);
    return ended.stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

let packed: Promise<string> | undefined;

/** Packs `npm/` once, and returns the tarball's path. */
export function tarball(): Promise<string> {
  return packed ??= pack();
}

async function pack(): Promise<string> {
  const dir = await Deno.makeTempDir();
  addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
  const flags = ["--ignore-scripts", `--pack-destination=${dir}`];
  const ended = await run(["npm", "pack", ...flags, join(ROOT, "npm")]);
  assertEquals(ended.code, 0, ended.output);
  const [name] = [...Deno.readDirSync(dir)].map((entry) => entry.name);
  return join(dir, name);
}

/**
 * A program that opens a connection to itself, sends five bytes and prints
 * `5 bytes by ENTRY`. `load` is the statement that makes `keepwire` a name.
 */
export function roundTrip(load: string, entry: string): string {
  return `${load}
async function main() {
  const { connect, listen } = keepwire;
  const listener = await listen({ hostname: "127.0.0.1", port: 0 });
  if (listener.address.transport !== "tcp") throw new Error("not TCP");
  const [ours, theirs] = await Promise.all([
    connect({ port: listener.address.port }),
    listener.accept(),
  ]);
  await ours.write(new TextEncoder().encode("hello"));
  const buffer = new Uint8Array(10);
  const length = await theirs.read(buffer);
  await Promise.all([ours.close(), theirs.close()]);
  await listener.close();
  console.log(length + " bytes by ${entry}");
}
main();
`;
}
