/**
 * Importing touches nothing: no permission is asked for, no module of the
 * runtime is loaded, no file is opened, nothing is printed.
 */
import { assertEquals } from "@std/assert";
import { after, before, test } from "node:test";
import { MODULES, runtimes } from "../../scripts/runtimes.ts";
import { Project, ROOT } from "./project.ts";

let project: Project;

before(async () => {
  project = await Project.with({});
  await project.installPackage();
  // Within reach: a check that koffi is not loaded where there is none would pass always.
  for (const name of ["koffi", "@koromix"]) {
    await Deno.symlink(`${MODULES}${name}`, `${project.dir}/node_modules/${name}`);
  }
});
after(() => project[Symbol.asyncDispose]());

/** Records what is reached for on the globals of a runtime while `load` runs. */
const WATCH = `
const touched = [];
for (const name of ["Deno", "Bun"]) {
  const real = globalThis[name];
  if (real === undefined) continue;
  const watched = new Proxy(real, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value === "function" || key === "permissions") touched.push(name + "." + String(key));
      return value;
    },
  });
  try {
    Object.defineProperty(globalThis, name, { value: watched, configurable: true });
  } catch { /* Bun's own name cannot be replaced; its built-in modules are watched below */ }
}
// On Deno the name "process" alone makes the runtime look at itself.
const node = globalThis.Deno ? undefined : globalThis.process;
const modules = node?.getBuiltinModule("node:module")._cache ?? {};
for (const key of node ? ["getBuiltinModule", "dlopen", "binding"] : []) {
  const real = process[key];
  process[key] = (...args) => {
    touched.push("process." + key + " " + args[0]);
    return real.apply(process, args);
  };
}
const finish = () => {
  touched.push(...Object.keys(modules).filter((path) => path.includes("koffi")));
  console.log(JSON.stringify(touched));
};
`;

const LOADS = {
  mjs: (specifier: string) => `${WATCH} import("${specifier}").then(finish);`,
  cjs: (specifier: string) => `${WATCH} require("${specifier}"); finish();`,
};

for (const { name, kind, binary } of runtimes) {
  if (kind === "deno") continue;
  for (const [format, program] of Object.entries(LOADS)) {
    test(`quiet import: ${format} on ${name}`, async () => {
      const file = `quiet.${format}`;
      await Deno.writeTextFile(`${project.dir}/${file}`, program("keepwire"));
      const ended = await project.run([binary, file]);
      assertEquals(ended.output.trim(), "[]", "what was touched, or printed");
      assertEquals(ended.code, 0);
    });
  }
}

test("quiet import: with Node's permissions, only the package is read", async () => {
  const { binary } = runtimes.find(({ name }) => name === "node24")!;
  await Deno.writeTextFile(`${project.dir}/quiet.mjs`, LOADS.mjs("keepwire"));
  const readable = await Deno.realPath(project.dir);
  const flags = ["--permission", `--allow-fs-read=${readable}/quiet.mjs`];
  flags.push(
    `--allow-fs-read=${readable}/package.json`,
    `--allow-fs-read=${readable}/node_modules/keepwire/*`,
  );
  const ended = await project.run([binary, ...flags, `${readable}/quiet.mjs`]);
  assertEquals(ended.output.trim(), "[]");
});

test("quiet import: on Deno without any permission, from source", async () => {
  await Deno.writeTextFile(`${project.dir}/quiet.ts`, LOADS.mjs(`${ROOT}mod.ts`));
  const flags = ["--no-prompt", "--no-check", "--no-config"];
  // A dynamic import of a literal is part of the module graph: it needs no permission to read.
  const ended = await project.run([Deno.execPath(), "run", ...flags, "quiet.ts"]);
  assertEquals(ended.output.trim(), "[]");
});
