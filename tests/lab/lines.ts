/**
 * A program that is asked by JSON lines: the subject under test, and the far
 * end. A request carries an id and is answered once; a line without one is an
 * event, kept with the others.
 *
 * @module
 */

/** Fields of a request, an answer or an event. */
export type Fields = Record<string, unknown>;

/** Something the program told by itself. */
export interface Event extends Fields {
  event: string;
}

/** What was asked, so that an answer finds who asked. */
interface Waiting {
  resolve: (answer: Fields) => void;
  reject: (error: Error) => void;
}

/** A running program. */
export class LineProgram implements AsyncDisposable {
  readonly pid: number;
  /** All events until now. */
  readonly events: Event[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<() => void>();
  readonly #reading: Promise<unknown>;
  #requests = 0;
  #stderr = "";
  #gone: string | undefined;

  constructor(name: string, command: string[], env: Record<string, string> = {}) {
    const [program, ...args] = command;
    const options = { args, env, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(program, options).spawn();
    this.#name = name;
    this.pid = this.#child.pid;
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** What it printed to standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Why nothing can be asked any more, if so. */
  get gone(): string | undefined {
    return this.#gone;
  }

  /** Asks, and gives the answer. @throws with the program's own words if it refuses, or is silent for too long */
  async ask(op: string, fields: Fields = {}, limit = 20_000): Promise<Fields> {
    if (this.#gone !== undefined) throw new Error(this.#gone);
    const id = ++this.#requests;
    const answer = new Promise<Fields>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#input.write(new TextEncoder().encode(`${JSON.stringify({ ...fields, id, op })}\n`)).catch(() => {});
    const silent = () => {
      this.#waiting.get(id)?.reject(
        new Error(`${this.#name}: no answer to ${op} for ${limit} ms\n${this.#stderr}`),
      );
    };
    const timer = setTimeout(silent, limit);
    return await answer.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(id);
    });
  }

  /** The first event that `wanted` says yes to, also of those before; undefined after `limit` milliseconds. */
  async event(wanted: (event: Event) => boolean, limit: number): Promise<Event | undefined> {
    const until = Date.now() + limit;
    for (let next = 0;;) {
      for (; next < this.events.length; next++) if (wanted(this.events[next])) return this.events[next];
      const left = until - Date.now();
      if (left <= 0 || this.#gone !== undefined) return undefined;
      await this.#news(left);
    }
  }

  /** Ends it, whatever it is doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#input.close().catch(() => {});
    await Promise.all([this.#child.status, this.#reading]);
  }

  #news(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limit);
      this.#listeners.add(done);
    });
  }

  async #read(): Promise<void> {
    const errors = async () => {
      for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) this.#stderr += text;
    };
    const lines = async () => {
      let rest = "";
      for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
        const found = (rest + text).split("\n");
        rest = found.pop() ?? "";
        for (const line of found) this.#take(line);
      }
    };
    await Promise.all([errors(), lines()]);
    this.#gone = `${this.#name} has ended\n${this.#stderr}`;
    for (const { reject } of this.#waiting.values()) reject(new Error(this.#gone));
    for (const listener of [...this.#listeners]) listener();
  }

  #take(line: string): void {
    if (!line.startsWith("{")) {
      this.#stderr += `${line}\n`;
      return;
    }
    const message = JSON.parse(line) as Fields;
    if (typeof message.event === "string") {
      this.events.push(message as Event);
      for (const listener of [...this.#listeners]) listener();
      return;
    }
    const waiting = this.#waiting.get(message.id as number);
    if (message.ok) waiting?.resolve(message);
    else waiting?.reject(new Error(`${this.#name}: ${message.message}`));
  }
}
