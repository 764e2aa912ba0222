/**
 * The packed package as users get it: by `import` and `require`, each entry, on
 * each runtime.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { after, before, test } from "node:test";
import { type Runtime, runtimes } from "../../scripts/runtimes.ts";
import { Project, roundTrip, tarball } from "./project.ts";

const NAMES = [
  "SocketError",
  "UnsupportedOptionError",
  "capabilities",
  "connect",
  "getKeepAlive",
  "listen",
  "setKeepAlive",
  "tcpInfo",
  "watchHealth",
];
/** Each entry, and the names it exports. */
const ENTRIES: Record<string, readonly string[]> = {
  "keepwire": NAMES,
  "keepwire/node": NAMES,
  "keepwire/deno": NAMES,
  "keepwire/bun": NAMES,
  "keepwire/workerd": NAMES,
  "keepwire/sockets": ["Socket", "SocketError", "UnsupportedOptionError", "connect", "createConnector"],
  "keepwire/node-stream": ["createConnection", "toDuplex"],
};
const FORMATS = ["mjs", "cjs"] as const;
let project: Project;

before(async () => {
  project = await Project.with({});
  await project.installPackage();
});
after(() => project[Symbol.asyncDispose]());

function command({ kind, binary }: Runtime, file: string): string[] {
  return kind === "deno" ? [binary, "run", "-A", "--node-modules-dir=manual", file] : [binary, file];
}

function loading(format: "mjs" | "cjs", entry: string): string {
  return format === "mjs" ? `import * as keepwire from "${entry}";` : `const keepwire = require("${entry}");`;
}

async function write(name: string, text: string): Promise<string> {
  await Deno.writeTextFile(`${project.dir}/${name}`, text);
  return name;
}

test("tarball: has what is needed and nothing else", async () => {
  const { stdout } = await project.run(["tar", "-tzf", await tarball()]);
  const files = stdout.trim().split("\n");
  const rest = files.filter((file) =>
    !/^package\/(esm|script)\/(mod|sockets|node_stream|core|adapters|_dnt\.polyfills)\b/.test(file)
  );
  assertEquals(rest.sort(), [
    "package/LICENSE",
    "package/README.md",
    "package/esm/package.json",
    "package/package.json",
    "package/script/package.json",
  ]);
});

test("tarball: package.json", async () => {
  const text = await Deno.readTextFile(`${project.dir}/node_modules/keepwire/package.json`);
  const found = JSON.parse(text);
  const deno = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assertEquals(found.name, "keepwire");
  assertEquals(found.version, deno.version);
  assertEquals(found.license, "MIT");
  assertEquals(found.engines, { node: ">=20.16" });
  const polyfills = ["./esm/_dnt.polyfills.js", "./script/_dnt.polyfills.js"];
  assertEquals(found.sideEffects, found.sideEffects === false ? false : polyfills);
  assertEquals(found.dependencies ?? {}, {});
  assertEquals(Object.keys(found.peerDependencies), ["koffi"]);
  assertEquals(found.peerDependenciesMeta, { koffi: { optional: true } });
  // What is not built by dnt must not be publishable by mistake.
  assertEquals(found.private === true, !String(found._generatedBy).startsWith("dnt@"));
});

for (const runtime of runtimes) {
  for (const format of FORMATS) {
    test(`tarball: every entry has its names by ${format} on ${runtime.name}`, async () => {
      const lines = Object.keys(ENTRIES).map((entry, index) =>
        format === "mjs"
          ? `import * as e${index} from "${entry}"; print("${entry}", e${index});`
          : `print("${entry}", require("${entry}"));`
      );
      const file = await write(
        `names-${runtime.name}.${format}`,
        `function print(entry, all) {
          const names = Object.keys(all).filter((name) => name !== "default" && name !== "__esModule");
          console.log(entry + ": " + names.sort().join(" "));
        }
        ${lines.join("\n")}`,
      );
      const printed = await project.succeeds(command(runtime, file));
      const expected = Object.entries(ENTRIES).map(([entry, names]) => `${entry}: ${names.join(" ")}`);
      assertEquals(printed.split("\n"), expected);
    });

    // keepwire refuses to connect on Bun 1.3; tests/conformance/refusals looks at that.
    const usable = runtime.name !== "bun13";
    for (const entry of usable ? ["keepwire", `keepwire/${runtime.kind}`] : []) {
      test(`tarball: a round trip by ${format} of ${entry} on ${runtime.name}`, async () => {
        const name = `trip-${runtime.name}-${entry.replace("/", "-")}.${format}`;
        const file = await write(name, roundTrip(loading(format, entry), entry));
        const printed = await project.succeeds(command(runtime, file));
        assertEquals(printed, `5 bytes by ${entry}`);
      });
    }
  }
}

const WRONG = runtimes
  .filter(({ name }) => name === "node24" || name === "deno" || name === "bun")
  .flatMap((runtime) =>
    ["node", "deno", "bun", "workerd"]
      .filter((adapter) => adapter !== runtime.kind)
      .map((adapter) => ({ runtime, adapter }))
  );

for (const { runtime, adapter } of WRONG) {
  test(`tarball: keepwire/${adapter} says so on ${runtime.name}`, async () => {
    const file = await write(
      `wrong-${adapter}-on-${runtime.name}.mjs`,
      `import { connect, capabilities } from "keepwire/${adapter}";
      const said = async (use) => {
        try { await use(); return "nothing"; } catch (error) { return String(error); }
      };
      console.log(await said(() => connect({ port: 1 })));
      console.log(await said(() => capabilities()));`,
    );
    const printed = await project.succeeds(command(runtime, file));
    for (const line of printed.split("\n")) {
      assertStringIncludes(line, "Error: ");
      assertMatch(line, new RegExp(`${adapter} adapter`, "i"));
    }
  });
}
