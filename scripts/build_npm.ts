/**
 * Builds the npm package into `npm/` by dnt: ES modules, CommonJS, declarations,
 * and the conformance suite, which is run there but not packed.
 *
 * `deno task build:npm`
 *
 * - `--out=FOLDER`: builds there instead, within the repo
 * - `--no-tests`: leaves out the suite
 *
 * @module
 */

import { build, emptyDir } from "@deno/dnt";
import deno from "../deno.json" with { type: "json" };

Deno.chdir(new URL("../", import.meta.url));
const outDir = Deno.args.find((argument) => argument.startsWith("--out="))?.slice("--out=".length) ?? "npm";
const entryPoints = Object.entries(deno.exports).map(([name, path]) => ({
  name,
  path,
}));

await emptyDir(outDir);
await build({
  entryPoints,
  outDir,
  // A shim would rewrite `Deno` in the adapter for Deno.
  shims: {},
  // What Node 20.16 lacks, the sources do not use; `import.meta` cannot be left out of CommonJS.
  polyfills: {
    arrayFindLast: false,
    arrayFromAsync: false,
    errorCause: false,
    objectHasOwn: false,
    promiseWithResolvers: false,
    stringReplaceAll: false,
  },
  test: !Deno.args.includes("--no-tests"),
  rootTestDir: "./tests",
  testPattern: "conformance/**/*_test.ts",
  typeCheck: "both",
  declaration: "inline",
  esModule: true,
  scriptModule: "cjs",
  compilerOptions: { target: "ES2022", lib: ["ESNext", "DOM"] },
  package: {
    name: "keepwire",
    version: deno.version,
    description: "One TCP connection interface for Node, Deno and Bun, with a keepalive that holds",
    keywords: [
      "tcp",
      "keepalive",
      "socket",
      "node",
      "deno",
      "bun",
      "workers",
      "TCP_USER_TIMEOUT",
    ],
    license: deno.license,
    engines: { node: ">=20.16" },
    sideEffects: false,
    exports: packageExports(),
    // dnt runs this after building; the suite itself is run by run_tests.ts on every runtime.
    scripts: { test: "node --eval \"require('keepwire')\"" },
    peerDependencies: { koffi: ">=3" },
    peerDependenciesMeta: { koffi: { optional: true } },
    devDependencies: { "@types/node": "24.19.2" },
  },
});

for (const file of ["LICENSE", "README.md"]) {
  // tests/packaging sees to it that both are in the tarball.
  await Deno.copyFile(file, `${outDir}/${file}`).catch((error) => console.warn(`${file}: ${error.message}`));
}
// dnt lists its test files one by one; what the tests carry besides is not in that list.
await Deno.writeTextFile(
  `${outDir}/.npmignore`,
  [
    "/esm/tests/",
    "/script/tests/",
    "/test_runner.cjs",
    "/package-lock.json",
    "",
  ].join("\n"),
  { append: true },
);

await settlePolyfills();

/**
 * dnt adds a file that makes `import.meta` work in CommonJS. A bundler may drop
 * it unless it is named as a side effect, and its declarations would need
 * `@types/node` in every user's project.
 */
async function settlePolyfills(): Promise<void> {
  const files = ["./esm/_dnt.polyfills", "./script/_dnt.polyfills"];
  const there = await Promise.all(
    files.map((file) => Deno.stat(`${outDir}/${file}.js`).then(() => true, () => false)),
  );
  if (!there.includes(true)) return;
  for (const file of files) await Deno.writeTextFile(`${outDir}/${file}.d.ts`, "export {};\n");
  const packageJson = JSON.parse(await Deno.readTextFile(`${outDir}/package.json`));
  packageJson.sideEffects = files.map((file) => `${file}.js`);
  await Deno.writeTextFile(`${outDir}/package.json`, JSON.stringify(packageJson, undefined, 2));
}

/** `import` and `require` each with types of their own: one for both would be the ES module's. */
function packageExports(): Record<string, unknown> {
  const entries: [string, unknown][] = entryPoints.map(({ name, path }) => {
    const file = path.replace(/^\.\//, "").replace(/\.ts$/, "");
    const condition = (folder: string) => ({
      types: `./${folder}/${file}.d.ts`,
      default: `./${folder}/${file}.js`,
    });
    return [name, { import: condition("esm"), require: condition("script") }];
  });
  return Object.fromEntries([...entries, ["./package.json", "./package.json"]]);
}
