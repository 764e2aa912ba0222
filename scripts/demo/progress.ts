/**
 * One line that tells what is being done, on standard error: rewritten on a
 * terminal, a line each elsewhere.
 *
 * @module
 */

/** The line. */
export class Progress {
  readonly #terminal: boolean = Deno.stderr.isTerminal();
  readonly #encoder = new TextEncoder();

  /** Tells what is being done now. */
  say(line: string): void {
    if (!this.#terminal) return console.error(line);
    const { columns } = Deno.consoleSize();
    this.#write(`\r\x1b[K${line.slice(0, columns - 1)}`);
  }

  /** Leaves an empty line for what comes. */
  clear(): void {
    if (this.#terminal) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(this.#encoder.encode(text));
  }
}
