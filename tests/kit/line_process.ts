/**
 * A Python program of `tests/oracle/` that is asked by JSON lines.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { python, repositoryPath } from "./runtime.ts";
import { withTimeout } from "./time.ts";

/** A refusal of the program; `code` is a POSIX name. */
export class RequestError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "RequestError";
    this.code = code;
  }
}

/** Fields of a request or an answer. */
export type Fields = Record<string, unknown>;

interface Waiting {
  resolve: (answer: Fields) => void;
  reject: (error: Error) => void;
}

const running = new Set<LineProcess>();

/** Ends every program that is still running. */
export async function closeLineProcesses(): Promise<void> {
  await Promise.all([...running].map((one) => one.close()));
}

/** One running program. It does not keep the event loop alive; a request that waits for it does. */
export class LineProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #listener: ((event: Fields) => void) | undefined;
  #number = 0;
  #rest = "";
  #stderr = "";
  #gone: string | undefined;

  /** Starts `tests/oracle/<name>.py`. */
  constructor(name: string) {
    this.#name = name;
    const child = spawn(python(), [
      "-B",
      "-u",
      repositoryPath(`tests/oracle/${name}.py`),
    ], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(this);
    child.stdout!.setEncoding("utf8");
    child.stdout!.on("data", (text: string) => this.#take(text));
    child.stderr!.setEncoding("utf8");
    child.stderr!.on("data", (text: string) => this.#stderr += text);
    // A write to a program that has died; its end is told by "close".
    child.stdin!.on("error", () => {});
    this.#exited = new Promise((resolve) => {
      child.on("error", (error) => {
        this.#end(`could not be started: ${error.message}`);
        resolve();
      });
      child.on("close", (code, signal) => {
        this.#end(`ended (${signal ?? code})`);
        resolve();
      });
    });
    for (const part of [child, child.stdin, child.stdout, child.stderr]) {
      // Only Node's and Bun's streams of a child process have it.
      (part as { unref?: () => void } | null)?.unref?.();
    }
  }

  /** Why nothing can be asked any more, if so. */
  get gone(): string | undefined {
    return this.#gone;
  }

  /** What to do with lines that answer no request. */
  onEvent(listener: (event: Fields) => void): void {
    this.#listener = listener;
  }

  /** Asks, and gives the answer's fields. @throws {RequestError} */
  request(
    op: string,
    fields: Fields = {},
    milliseconds = 15_000,
  ): Promise<Fields> {
    if (this.#gone) return Promise.reject(new Error(this.#gone));
    const id = ++this.#number;
    const answer = new Promise<Fields>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#child.stdin!.write(`${JSON.stringify({ ...fields, id, op })}\n`);
    return withTimeout(answer, milliseconds, `${this.#name}.py ${op}`);
  }

  /** Ends the program: it leaves when its input ends, and is killed if it does not. */
  async close(): Promise<void> {
    running.delete(this);
    if (this.#gone) return;
    this.#child.stdin!.end();
    try {
      await withTimeout(this.#exited, 2_000, `${this.#name}.py: ending`);
    } catch {
      this.#child.kill("SIGKILL");
      await withTimeout(this.#exited, 2_000, `${this.#name}.py: being killed`);
    }
  }

  /** Process id of the program. */
  get pid(): number {
    return this.#child.pid ?? process.pid;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#answer(JSON.parse(line) as Fields);
  }

  #answer(message: Fields): void {
    const waiting = this.#waiting.get(message.id as number);
    if (!waiting) {
      if (message.event !== undefined) this.#listener?.(message);
      return;
    }
    this.#waiting.delete(message.id as number);
    if (message.ok) waiting.resolve(message);
    else {waiting.reject(
        new RequestError(message.code as string, message.message as string),
      );}
  }

  #end(how: string): void {
    this.#gone = `${this.#name}.py ${how}${this.#stderr && `:\n${this.#stderr}`}`;
    running.delete(this);
    for (const { reject } of this.#waiting.values()) {
      reject(new Error(this.#gone));
    }
    this.#waiting.clear();
  }
}
