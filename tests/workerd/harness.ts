/**
 * Runs functions in real workerd, against `cloudflare:sockets`. A function goes
 * there as its text, so it may use its parameters only; what it gives comes
 * back as JSON.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { WORKERD } from "../../scripts/runtimes.ts";
import { withTimeout } from "../kit/time.ts";

/** What a step is given in workerd. */
export interface StepContext {
  /** Lasts from step to step. */
  // deno-lint-ignore no-explicit-any -- each test keeps something else in it
  state: any;
  /** The modules asked for at the start, by the names they were given. */
  // deno-lint-ignore no-explicit-any -- each test asks for other modules
  modules: any;
  /** Asks the test process, which answers by the handler of that name. */
  far(name: string, arg?: unknown): Promise<unknown>;
  /** The rejections that nobody handled so far. */
  unhandled: string[];
}

/** How workerd is started. */
export interface WorkerdOptions {
  /** Name in `modules` to the path of the ES module inside {@link folders}, or to `cloudflare:sockets` and the like. */
  modules?: Record<string, string>;
  /** Folders whose `.js` files are part of the worker: name in the worker to where it lies. */
  folders?: Record<string, string>;
  /** PEM certificates that are trusted, and no others. Default: those of browsers. */
  trustedCertificates?: string[];
  /** Answers what `far` asks, by name. */
  far?: Record<string, (arg: never) => unknown>;
  /** Default: that of the pinned version. */
  compatibilityDate?: string;
  compatibilityFlags?: string[];
}

interface Answer {
  id?: number;
  value?: unknown;
  error?: string;
  call?: number;
  name?: string;
  arg?: unknown;
}

/** Milliseconds for workerd to start. */
const START = 15_000;

/** A running workerd. */
export class Workerd implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #socket: WebSocket;
  readonly #far: Record<string, (arg: never) => unknown>;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #number = 0;

  private constructor(child: ChildProcess, socket: WebSocket, far: WorkerdOptions["far"] = {}) {
    this.#child = child;
    this.pid = child.pid ?? -1;
    this.#socket = socket;
    this.#far = far;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("workerd has gone"));
    };
  }

  static async start(options: WorkerdOptions = {}): Promise<Workerd> {
    const folder = mkdtempSync(`${tmpdir()}/keepwire-workerd-`);
    let child: ChildProcess | undefined;
    try {
      writeConfig(folder, options);
      // Its `--control-fd` says which port it was given.
      const args = ["serve", "--experimental", "--control-fd=1", `${folder}/config.capnp`];
      child = spawn(WORKERD, args, { stdio: ["ignore", "pipe", "pipe"] });
      const port = await withTimeout(portOf(child), START, "The start of workerd");
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      const opened = new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error("workerd cannot be reached"));
      });
      await withTimeout(opened, START, "The connection to workerd");
      return new Workerd(child, socket, options.far);
    } catch (error) {
      child?.kill("SIGKILL");
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs `step` there. @throws what it throws, as text. */
  async run<Arg, T>(
    step: ((context: StepContext, arg: Arg) => T | Promise<T>) | string,
    arg?: Arg,
    limit = 20_000,
  ): Promise<T> {
    const id = ++this.#number;
    const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, code: step.toString(), arg }));
    return await withTimeout(answered, limit, "The step in workerd") as T; // JSON of what the step gave
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.onclose = null;
    this.#socket.close();
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGKILL");
    await withTimeout(gone, 5_000, "The end of workerd");
  }

  async #take({ id, value, error, call, name, arg }: Answer): Promise<void> {
    if (call !== undefined) {
      const answer: Answer = { call };
      try {
        answer.value = await this.#far[name ?? ""](arg as never); // each handler knows what it is asked with
      } catch (cause) {
        answer.error = String(cause);
      }
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(answer));
      return;
    }
    const waiting = this.#waiting.get(id!);
    this.#waiting.delete(id!);
    if (error !== undefined) waiting?.reject(new Error(error));
    else waiting?.resolve(value);
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let [said, wrong] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const port = /"port":(\d+)/.exec(said += text)?.[1];
      if (port) resolve(Number(port));
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => wrong += text);
    child.once("error", reject);
    child.once("close", () => reject(new Error(`workerd ended:\n${wrong}`)));
  });
}

function writeConfig(folder: string, options: WorkerdOptions): void {
  const { modules = { sockets: "cloudflare:sockets" }, folders = {}, trustedCertificates } = options;
  const { compatibilityDate = "2026-11-01", compatibilityFlags = [] } = options;
  const imports = Object.entries(modules)
    .map(([name, from]) => `export * as ${name} from ${JSON.stringify(from)};\n`);
  writeFileSync(`${folder}/modules.js`, imports.join(""));
  const worker = readFileSync(new URL("worker.mjs", import.meta.url), "utf8");
  writeFileSync(`${folder}/worker.js`, `import * as modules from "modules";\n${worker}`);
  const files = ["worker.js", "modules.js", ...copyFolders(folder, folders)];
  const list = files.map((file) =>
    `(name = ${JSON.stringify(file.replace(/^(worker|modules)\.js$/, "$1"))}, esModule = embed ${
      JSON.stringify(file)
    })`
  );
  const tls = trustedCertificates
    ? `(trustBrowserCas = false, trustedCertificates = ${JSON.stringify(trustedCertificates)})`
    : "(trustBrowserCas = true)";
  writeFileSync(
    `${folder}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${list.join(", ")}],
      compatibilityDate = ${JSON.stringify(compatibilityDate)},
      compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
      bindings = [(name = "UNSAFE", unsafeEval = void)],
    )),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = ${tls})),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  );
}

/** The `.js` files of the folders, copied beside the config: workerd embeds only what lies there. */
function copyFolders(folder: string, folders: Record<string, string>): string[] {
  return Object.entries(folders).flatMap(([name, from]) =>
    javascriptFiles(from).map((file) => {
      const to = `${name}/${file}`;
      mkdirSync(dirname(`${folder}/${to}`), { recursive: true });
      cpSync(`${from}/${file}`, `${folder}/${to}`);
      return to;
    })
  );
}

function javascriptFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) {
      return javascriptFiles(`${folder}/${entry.name}`).map((file) => `${entry.name}/${file}`);
    }
    return entry.name.endsWith(".js") ? [entry.name] : [];
  });
}
