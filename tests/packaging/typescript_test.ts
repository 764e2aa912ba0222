/**
 * The package's declarations in users' projects: TypeScript 5.9 and 6, strict,
 * both module systems and bundlers, without any `@types`.
 */
import { after, before, test } from "node:test";
import { MODULES, runtime } from "../../scripts/runtimes.ts";
import { Project } from "./project.ts";

const USE = `
export async function main(): Promise<void> {
  const keepAlive: KeepAlive = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };
  const listener: Listener = await listen({ port: 0, keepAlive });
  const address: Address = listener.address;
  if (address.transport !== "tcp") return;
  await using connection: Connection = await connect({ port: address.port, keepAlive, timeout: 1_000 });
  const status: KeepAliveStatus = setKeepAlive(connection, { idle: 1_000, userTimeout: null });
  const within: number | undefined = getKeepAlive(connection).detectsWithin.idle;
  for await (const chunk of connection) await connection.write(chunk);
  const names: string[] = status.notApplied;
  // @ts-expect-error -- a duration is a number
  await connect({ port: 1, keepAlive: { idle: "10s" } });
  try {
    await connection.closed;
  } catch (error) {
    if (error instanceof UnsupportedOptionError) names.push(error.hint);
    if (error instanceof SocketError && error.code === "ETIMEDOUT") names.push(error.op);
    // @ts-expect-error -- the codes are a closed union
    if (error instanceof SocketError && error.code === "TIMEOUT") names.push(error.op);
  }
  void [within, capabilities().runtime];
}
`;
const NAMES =
  "connect, listen, setKeepAlive, getKeepAlive, capabilities, SocketError, UnsupportedOptionError";
const TYPES = "KeepAlive, Listener, Address, Connection, KeepAliveStatus";
const IMPORT = `import { ${NAMES} } from "keepwire";\nimport type { ${TYPES} } from "keepwire";`;
const ENTRIES = ["node", "deno", "bun", "workerd"]
  .map((name) => `import * as ${name} from "keepwire/${name}";\nexport const ${name}Is = ${name}.connect;`)
  .join("\n");
const REQUIRE = `import keepwire = require("keepwire");
const { ${NAMES.replace(", SocketError, UnsupportedOptionError", "")} } = keepwire;
import SocketError = keepwire.SocketError;
import UnsupportedOptionError = keepwire.UnsupportedOptionError;
${TYPES.split(", ").map((name) => `type ${name} = keepwire.${name};`).join("\n")}`;

const SETTINGS = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};
let project: Project;

before(async () => {
  project = await Project.with({
    "import.mts": IMPORT + USE + ENTRIES,
    "import.cts": IMPORT + USE + ENTRIES,
    "require.cts": REQUIRE + USE,
    "bundled.ts": IMPORT + USE + ENTRIES,
  });
  await project.installPackage();
});
after(() => project[Symbol.asyncDispose]());

for (const version of ["typescript", "typescript59"]) {
  for (const [name, settings] of Object.entries(SETTINGS)) {
    test(`types: ${name} with ${version}`, async () => {
      const tsconfig = {
        compilerOptions: {
          ...settings,
          target: "es2022",
          // AsyncDisposable stands in esnext.disposable, AbortSignal in the DOM's library.
          lib: ["es2022", "esnext.disposable", "dom"],
          types: [],
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
          noEmit: true,
        },
        files: name === "bundler" ? ["bundled.ts"] : ["import.mts", "import.cts", "require.cts"],
      };
      const file = `tsconfig-${version}-${name}.json`;
      await Deno.writeTextFile(`${project.dir}/${file}`, JSON.stringify(tsconfig));
      await project.succeeds([runtime("node24").binary, `${MODULES}${version}/bin/tsc`, "-p", file]);
    });
  }
}
