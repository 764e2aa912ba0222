/**
 * A server that the tests start, on loopback and on ports that were free.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { python, repositoryPath } from "../kit/runtime.ts";
import { eventually } from "../kit/time.ts";

/** One program, which ends when this process ends. */
export class ServerProcess {
  /** What it has printed. */
  output = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #stopping: "SIGTERM" | "SIGINT";
  #over = false;

  constructor(command: string[], stopping: "SIGTERM" | "SIGINT" = "SIGTERM") {
    this.#stopping = stopping;
    const leash = repositoryPath("tests/oracle/leash.py");
    this.#child = spawn(python(), ["-B", leash, "--", ...command], { stdio: ["ignore", "pipe", "pipe"] });
    const take = (text: string) => this.output += text;
    this.#child.stdout!.setEncoding("utf8").on("data", take);
    this.#child.stderr!.setEncoding("utf8").on("data", take);
    this.#ended = new Promise((resolve) =>
      this.#child.on("close", () => {
        this.#over = true;
        resolve();
      })
    );
  }

  /** Waits until `ready` is true. @throws when the program ends before or takes too long, with what it printed. */
  async started(ready: () => Promise<boolean>): Promise<this> {
    const settled = async () => this.#over || await ready().catch(() => false);
    await eventually(settled, 30_000, "A server that answers").catch(() => this.stop());
    if (this.#over) throw new Error(`A server does not start; it printed:\n${this.output.slice(0, 4_000)}`);
    return this;
  }

  async stop(): Promise<void> {
    if (!this.#over) this.#child.kill(this.#stopping);
    const killing = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(killing);
  }
}

/** Below the range from which the kernel takes clients' ports. */
const [FIRST, LAST] = [15_000, 30_000];

/** TCP ports that nobody listens on. */
export async function freePorts<N extends string>(...names: N[]): Promise<Record<N, number>> {
  const found = new Map<N, number>();
  for (const name of names) {
    let port: number;
    do port = FIRST + Math.floor(Math.random() * (LAST - FIRST)); while (
      [...found.values()].includes(port) || !await isFree(port)
    );
    found.set(name, port);
  }
  return Object.fromEntries(found) as Record<N, number>; // every name has just got one
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
