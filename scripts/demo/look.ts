/**
 * Runs one program of the demo, and reads its two sockets from outside.
 *
 * @module
 */

import { type HeldKeepAlive, inLibraryUnits, type Oracle } from "../../tests/kit/oracle.ts";
import { runtime } from "../runtimes.ts";
import { ASKED, type Program } from "./rows.ts";

/** Milliseconds that a program may take to open its pair. */
const LIMIT = 15_000;

/** The sockets of a pair. */
export const SIDES = ["opened", "accepted"] as const;
export type Side = typeof SIDES[number];

/** What keepwire says when it refuses. */
export interface Refusal {
  code: string;
  message: string;
  hint: string;
  options: string[];
}

/** What came of one socket of one program. */
export interface Finding {
  program: Program;
  side: Side;
  /** As the kernel has it. */
  holds?: HeldKeepAlive;
  /** As the library has it. */
  status?: HeldKeepAlive & { route: string; source: string };
  refused?: Refusal;
  /** What the program said when it ended without telling of this socket. */
  failed?: string;
  /** The four values are held and the library says the same; or they are refused where that is due. */
  ok: boolean;
}

interface Told {
  side: Side;
  local: string;
  remote: string;
  status?: Finding["status"];
  refused?: Refusal;
}

/** Runs `program`; `libraries` are specifiers for it to import. */
export async function lookAt(
  program: Program,
  libraries: Record<NonNullable<Program["library"]>, string>,
  oracle: Oracle,
): Promise<Finding[]> {
  const [file, ...args] = program.script;
  const { binary, kind } = runtime(program.runtime);
  const specifier = libraries[program.library ?? "source"];
  const command = [
    binary,
    ...(kind === "deno" ? ["run"] : []),
    ...program.flags,
    `scripts/demo/${file}`,
    ...args.map((argument) => argument === "LIBRARY" ? specifier : argument),
  ];
  // It ends when this process does, and lets itself be looked at where only a parent may.
  const child = new Deno.Command("python3", {
    args: ["-B", "tests/oracle/leash.py", "--", ...command],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const watchdog = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  try {
    const told = await linesOf(child.stdout, 2);
    const lines: Told[] = told.map((line) => JSON.parse(line));
    const found = lines.map((line) => findingOf(program, line, oracle.of(child.pid)));
    const missing = SIDES.filter((side) => !lines.some((line) => line.side === side));
    const failed = missing.length > 0 ? await stderr : "";
    return [...await Promise.all(found), ...missing.map((side) => ({ program, side, failed, ok: false }))];
  } finally {
    clearTimeout(watchdog);
    await child.stdin.close().catch(() => {});
    await child.status;
    await stderr;
  }
}

async function findingOf(program: Program, told: Told, oracle: Oracle): Promise<Finding> {
  const { side, status, refused } = told;
  if (refused) return { program, side, refused, ok: program.refuses === true };
  const holds = inLibraryUnits(await oracle.read(told.local, told.remote));
  const honest = program.by === "plain" || (status?.source === "kernel" && isAsked(status));
  return { program, side, holds, status, ok: isAsked(holds) && honest };
}

function isAsked(held: HeldKeepAlive): boolean {
  return Object.entries(ASKED).every(([name, value]) => held[name as keyof HeldKeepAlive] === value); // its keys
}

/** The first lines of a stream, or fewer when it ends. */
async function linesOf(stream: ReadableStream<Uint8Array>, count: number): Promise<string[]> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("\n").length <= count) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text.split("\n").filter(Boolean).slice(0, count);
}
