/**
 * Another process of the runtime the tests run on: scripts that need other
 * permissions or flags, die, or are looked at from outside.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { currentRuntime, python, repositoryPath } from "./runtime.ts";
import { TimeoutError, withTimeout } from "./time.ts";

/** What to run: the text of a script, or a file. */
export type Script = { text: string; extension?: ".mjs" | ".cjs" | ".ts" } | {
  file: string;
};

/** How to run it. */
export interface DriverOptions {
  args?: string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Flags of the runtime, before the script. Default: `-A` on Deno, none elsewhere. */
  flags?: string[];
  /** By the runtime's test runner. */
  runner?: boolean;
  /** Kernel options for which setsockopt(2) fails in it. */
  failing?: string[];
  /** What /etc/hosts says in it; see {@link canHaveHosts}. */
  hosts?: string;
  /** On a terminal of its own, whose output is standard output: what would ask a person asks there. */
  terminal?: boolean;
  /** Name of the error with which it fails. Default `ENOPROTOOPT`, as on a kernel that lacks the option. */
  errno?: string;
  /** After so many milliseconds it is killed, and its run has failed. Default 30,000. */
  timeout?: number;
}

/** How it went. */
export interface DriverEnd {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** A running script. */
export class Driver {
  readonly pid: number;
  /** Resolves however it ends. */
  readonly ended: Promise<DriverEnd>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #rest = "";
  #stdout = "";
  #stderr = "";
  #over = false;
  #timedOut = false;
  #awake: (() => void) | undefined;

  constructor(child: ChildProcess, timeout: number, cleanUp: () => void) {
    this.#child = child;
    this.pid = child.pid ?? -1;
    child.stdout!.setEncoding("utf8").on(
      "data",
      (text: string) => this.#take(text),
    );
    child.stderr!.setEncoding("utf8").on(
      "data",
      (text: string) => this.#stderr += text,
    );
    child.stdin!.on("error", () => {});
    const watchdog = setTimeout(() => {
      this.#timedOut = true;
      child.kill("SIGKILL");
    }, timeout);
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        clearTimeout(watchdog);
        cleanUp();
        this.#over = true;
        this.#awake?.();
        const [stdout, stderr] = [this.#stdout, this.#stderr];
        resolve({ code, signal, stdout, stderr, timedOut: this.#timedOut });
      };
      child.on("error", (error) => {
        this.#stderr += String(error);
        end(null, null);
      });
      child.on("close", end);
    });
  }

  /** The next line of its standard output. @throws if it ends or is silent for too long. */
  async line(timeout = 15_000): Promise<string> {
    const until = Date.now() + timeout;
    while (this.#lines.length === 0) {
      if (this.#over) {
        throw new Error(
          failure(await this.ended, "ended without the line waited for"),
        );
      }
      const left = until - Date.now();
      if (left <= 0) {
        throw new TimeoutError(
          `The script said nothing for ${timeout} ms; stderr:\n${this.#stderr}`,
        );
      }
      const news = new Promise<void>((resolve) => this.#awake = resolve);
      await withTimeout(news, left, "a line of the script").catch(() => {});
    }
    return this.#lines.shift()!;
  }

  /** The next line, as JSON. */
  async json<T = Record<string, unknown>>(timeout?: number): Promise<T> {
    return JSON.parse(await this.line(timeout)) as T;
  }

  /** Sends a line to its standard input. */
  send(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin!.end();
  }

  kill(
    signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT" = "SIGKILL",
  ): void {
    this.#child.kill(signal);
  }

  /** Waits until it ends. @throws unless it ended with code 0, with its stderr in the message. */
  async success(): Promise<DriverEnd> {
    const end = await this.ended;
    if (end.code !== 0 || end.timedOut) throw new Error(failure(end, "failed"));
    return end;
  }

  #take(text: string): void {
    this.#stdout += text;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    this.#lines.push(...lines);
    if (lines.length > 0) this.#awake?.();
  }
}

/** Starts a script by the current runtime. It ends when this process ends. */
export function spawnRuntime(
  script: Script,
  options: DriverOptions = {},
): Driver {
  const { file, directory, cleanUp } = asFile(script);
  const command = [...wrappers(options, directory), ...runtimeCommand(options), file];
  const child = spawn(python(), [...command, ...options.args ?? []], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  return new Driver(child, options.timeout ?? 30_000, cleanUp);
}

/** Runs a script to its end. @throws unless it ended with code 0. */
export function runScript(
  script: Script,
  options: DriverOptions = {},
): Promise<DriverEnd> {
  return spawnRuntime(script, options).success();
}

/** Whether a script can have names of its own: that takes the right to make a mount namespace. */
export function canHaveHosts(): boolean {
  return spawnSync("unshare", ["-rm", "true"]).status === 0;
}

const WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"';

function wrappers(options: DriverOptions, directory: string): string[] {
  const { failing = [], errno = "ENOPROTOOPT", terminal, hosts } = options;
  const program = (name: string) => ["-B", repositoryPath(`tests/oracle/${name}.py`)];
  const wrapped = [...program("leash"), "--"];
  if (hosts !== undefined) {
    writeFileSync(`${directory}/hosts`, hosts);
    wrapped.push("unshare", "-rm", "sh", "-c", WITH_HOSTS, `${directory}/hosts`);
  }
  if (failing.length > 0) {
    const flags = failing.flatMap((name) => ["--fail", name]);
    wrapped.push(python(), ...program("seccomp_run"), ...flags, "--errno", errno, "--");
  }
  if (terminal) wrapped.push(python(), ...program("terminal"), "--");
  return wrapped;
}

function runtimeCommand({ flags, runner }: DriverOptions): string[] {
  const { name } = currentRuntime();
  if (name === "deno") {
    return [process.execPath, runner ? "test" : "run", ...flags ?? ["-A"]];
  }
  // On Node a file with tests is run like any other.
  const subcommand = runner && name === "bun" ? ["test"] : [];
  return [process.execPath, ...subcommand, ...flags ?? []];
}

function environment(changes: DriverOptions["env"]): Record<string, string> {
  // A runner that finds itself inside another one would report to that one.
  const inherited = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    NO_COLOR: "1",
    ...changes,
  };
  const entries = Object.entries(inherited).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}

function asFile(script: Script): { file: string; directory: string; cleanUp: () => void } {
  const directory = mkdtempSync(`${tmpdir()}/keepwire-`);
  const cleanUp = () => rmSync(directory, { recursive: true, force: true });
  if ("file" in script) return { file: script.file, directory, cleanUp };
  const file = `${directory}/script${script.extension ?? ".mjs"}`;
  writeFileSync(file, script.text);
  return { file, directory, cleanUp };
}

function failure(end: DriverEnd, what: string): string {
  const how = end.timedOut ? "killed: it took too long" : `exit ${end.signal ?? end.code}`;
  return `The script ${what} (${how})\nstdout:\n${end.stdout}\nstderr:\n${end.stderr}`;
}
