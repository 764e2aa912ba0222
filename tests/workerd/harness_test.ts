/** What the harness must tell apart, or nothing that runs in workerd is proven. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Workerd } from "./harness.ts";

test("steps run in workerd, keep their state, ask the far side, and fail here when they fail there", async () => {
  const asked: unknown[] = [];
  await using workerd = await Workerd.start({
    far: {
      add: ({ a, b }: { a: number; b: number }) => {
        asked.push([a, b]);
        return a + b;
      },
      fail: () => {
        throw new Error("not here");
      },
    },
  });
  assertEquals(await workerd.run(() => navigator.userAgent), "Cloudflare-Workers");
  assertEquals(await workerd.run(({ modules }) => Object.keys(modules)), ["sockets"]);
  await workerd.run(({ state }, value) => {
    state.kept = value;
  }, 5);
  assertEquals(await workerd.run(({ state, far }) => far("add", { a: state.kept, b: 2 })), 7);
  assertEquals(asked, [[5, 2]]);
  await assertRejects(() => workerd.run(({ far }) => far("fail")), Error, "not here");
  await assertRejects(
    () =>
      workerd.run(() => {
        throw new RangeError("in there");
      }),
    Error,
    "RangeError: in there",
  );
  const unhandled = await workerd.run(async ({ unhandled }) => {
    Promise.reject(new Error("nobody"));
    await new Promise((resolve) => setTimeout(resolve, 10));
    return unhandled;
  });
  assertEquals(unhandled.length, 1);
  assert(unhandled[0].includes("nobody"));
});
