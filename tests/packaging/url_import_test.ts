/**
 * `mod.ts` by URL from a plain HTTP server, as Deno's users may import it:
 * type-checked, without a config file, with no more permissions than it needs.
 */
import { assertEquals } from "@std/assert";
import { after, before, test } from "node:test";
import { Project, ROOT, roundTrip } from "./project.ts";

const ENTRIES: Record<string, string> = {
  "the main door": "mod.ts",
  "the adapter": "adapters/deno/mod.ts",
};
const SHIPPED = /^\/(mod\.ts|core\/|adapters\/)/;
let server: Deno.HttpServer<Deno.NetAddr>;

before(() => {
  server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    // What is not shipped is not there for a user either.
    const path = SHIPPED.test(pathname) ? `${ROOT}${pathname.slice(1)}` : "/";
    const body = await Deno.readTextFile(path).catch(() => undefined);
    if (body === undefined) return new Response("not found", { status: 404 });
    return new Response(body, { headers: { "content-type": "application/typescript" } });
  });
});
after(() => server.shutdown());

for (const [name, entry] of Object.entries(ENTRIES)) {
  test(`url import: ${name}, type-checked and run`, async () => {
    const host = `127.0.0.1:${server.addr.port}`;
    const load = `import * as keepwire from "http://${host}/${entry}";`;
    await using project = await Project.with({ "main.ts": roundTrip(load, entry) });
    // A cache of its own: what an earlier run fetched must not be what is tested.
    const env = { DENO_DIR: `${project.dir}/cache` };
    const flags = ["--no-config", "--no-lock", `--allow-import=${host}`];
    await project.succeeds([Deno.execPath(), "check", ...flags, "main.ts"], env);
    const permissions = ["--no-prompt", "--allow-net=127.0.0.1"];
    const printed = await project.succeeds(
      [Deno.execPath(), "run", ...flags, ...permissions, "main.ts"],
      env,
    );
    assertEquals(printed, `5 bytes by ${entry}`);
  });
}
