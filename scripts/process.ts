/**
 * Runs a command with a time limit, in a process group of its own.
 *
 * @module
 */

/** How a command ended, with what it printed. */
export interface Ended {
  /** Exit code; 128 + the signal's number when a signal ended it. */
  code: number;
  /** Whether it was killed because its time ran out. */
  timedOut: boolean;
  /** Standard output and standard error, in the order they came. */
  output: string;
  /** Standard output alone. */
  stdout: string;
  /** Milliseconds it took. */
  took: number;
}

/** What {@linkcode run} may be told besides the command. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Milliseconds until the whole process group is killed. Default 600_000. */
  limit?: number;
  /** Called with each piece of output while the command runs. */
  onOutput?: (text: string) => void;
}

/** Runs a command to its end, or to the end of its time. Never throws for how it ended. */
export async function run(
  command: string[],
  options: RunOptions = {},
): Promise<Ended> {
  const started = performance.now();
  const [program, ...args] = command;
  // A group of its own: a test that hangs leaves children, and they would keep the pipes open.
  const child = new Deno.Command(program, {
    args,
    cwd: options.cwd,
    env: options.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();

  let output = "";
  let stdout = "";
  const collect = async (
    stream: ReadableStream<Uint8Array>,
    isStdout: boolean,
  ) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (isStdout) stdout += text;
      options.onOutput?.(text);
    }
  };

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, options.limit ?? 600_000);
  const reading = Promise.all([
    collect(child.stdout, true),
    collect(child.stderr, false),
  ]);
  const status = await child.status;
  clearTimeout(timer);
  // What the command started and left behind holds the pipes, and may hold a port.
  killGroup(child.pid);
  await reading;
  return {
    code: status.code,
    timedOut,
    output,
    stdout,
    took: performance.now() - started,
  };
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // The group is empty: everything in it has ended.
  }
}
