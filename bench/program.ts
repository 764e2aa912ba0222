/**
 * A program of the benchmark that says one line at a time.
 *
 * @module
 */

/** As many files open as may be; then the command. */
const MANY_FILES = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];

/** The longest that a program may be silent, in milliseconds. */
const LIMIT = 60_000;

/** A running program. It is killed when it is disposed of. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stderr: Promise<string>;
  #text = "";

  constructor(command: string[]) {
    const [program, ...args] = [...MANY_FILES, ...command];
    this.#child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#writer = this.#child.stdin.getWriter();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** The next line of its output. */
  async line(): Promise<string> {
    const watchdog = setTimeout(() => this.#child.kill("SIGKILL"), LIMIT);
    while (!this.#text.includes("\n")) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`the program ended early:\n${await this.#stderr}`);
      this.#text += value;
    }
    clearTimeout(watchdog);
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  /** Sends it a line. */
  send(line: string): void {
    this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Bytes of memory it has. */
  async residentBytes(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.#child.pid}/status`);
    return Number(/VmRSS:\s*(\d+)/.exec(status)![1]) * 1024; // every process that lives has it
  }

  /** Seconds of processor time that it has used (proc_pid_stat(5)), in steps of 10 ms. */
  async cpuSeconds(): Promise<number> {
    const stat = await Deno.readTextFile(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#reader.cancel();
    await this.#writer.abort().catch(() => {});
    await this.#stderr;
  }
}
