/**
 * Runs `deno` so that `@deno/dnt` and `@std/assert` resolve: from JSR where it
 * answers, else from the stand-ins in `without_jsr/`.
 *
 * ```sh
 * deno run -A scripts/with_imports.ts test -A tests/unit
 * ```
 *
 * `NO_JSR=1` takes the stand-ins without asking.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);
const PROBE = "https://jsr.io/@std/assert/meta.json";
const PROBE_LIMIT = 5_000;

/** Where the two packages for scripts and tests come from. */
export interface Imports {
  /** Whether JSR answered. */
  jsr: boolean;
  /** One line for the user, telling which it is and why. */
  said: string;
  /** What `deno run`, `deno test` and `deno check` need to be given. */
  flags: string[];
}

/** Asks JSR, at most five seconds. */
export async function chooseImports(): Promise<Imports> {
  const refused = await whyNotJsr();
  if (refused === undefined) {
    return {
      jsr: true,
      said: "JSR answers: @deno/dnt and @std/assert come from there",
      flags: [],
    };
  }
  const map = new URL("scripts/without_jsr/import_map.json", ROOT);
  return {
    jsr: false,
    said: `${refused}: stand-ins from scripts/without_jsr are used, the package is not built by dnt`,
    flags: [`--import-map=${decodeURIComponent(map.pathname)}`],
  };
}

async function whyNotJsr(): Promise<string | undefined> {
  if (Deno.env.get("NO_JSR") === "1") return "NO_JSR=1";
  try {
    const url = new URL(
      new URL(PROBE).pathname,
      Deno.env.get("JSR_URL") ?? PROBE,
    );
    const response = await fetch(url, {
      signal: AbortSignal.timeout(PROBE_LIMIT),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `JSR answers with status ${response.status}`;
  } catch (error) {
    const reason = error instanceof Error ? error.name : String(error);
    return `JSR does not answer (${reason})`;
  }
}

if (import.meta.main) {
  const [command, ...args] = Deno.args;
  const imports = await chooseImports();
  console.log(imports.said);
  const child = new Deno.Command(Deno.execPath(), {
    args: [command, ...imports.flags, ...args],
  }).spawn();
  Deno.exit((await child.status).code);
}
