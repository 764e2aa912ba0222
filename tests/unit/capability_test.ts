/** The capability table, as data and by its look-ups. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { KernelName, Runtime } from "../../core/types.ts";
import type { NativeAbility } from "../../core/keepalive/model.ts";
import {
  capabilitiesFor,
  type Environment,
  hintFor,
  meansFor,
  refusalToOpen,
  releaseOf,
  reusePortNeeds,
} from "../../core/capability.ts";
import { ENDINGS, FAILURE_HELP, FFI_HELP, NO_FFI, RELEASES, UPGRADES } from "../../core/tables/capability.ts";

const environment = (runtime: Runtime, version: string, more: Partial<Environment> = {}): Environment => ({
  runtime,
  version,
  os: "linux",
  arch: "x64",
  ffi: { available: false },
  ...more,
});
const withFfi: Partial<Environment> = { ffi: { available: true } };
const OPTIONS: KernelName[] = [
  "SO_KEEPALIVE",
  "TCP_KEEPIDLE",
  "TCP_KEEPINTVL",
  "TCP_KEEPCNT",
  "TCP_USER_TIMEOUT",
];

const ABILITIES: [Runtime, string, NativeAbility][] = [
  ["node", "20.16.0", "idle"],
  ["node", "v22.23.3", "idle"],
  ["node", "24.18.1", "idle"],
  ["node", "24.19.0", "all"],
  ["node", "24.21.0", "all"],
  ["node", "25.9.0", "idle"],
  ["node", "26.3.1", "idle"],
  ["node", "26.4.0", "all"],
  ["node", "26.10.0", "all"],
  ["node", "26.10.0-nightly20261001", "all"],
  ["node", "27.0.0", "all"],
  ["node", "newest", "all"],
  ["deno", "2.5.0", "switch"],
  ["deno", "2.9.6", "switch"],
  ["deno", "2.9.6+abcdef0", "switch"],
  ["bun", "1.3.14", "switch"],
  ["bun", "1.4.0", "idle"],
  ["bun", "1.4.5", "idle"],
  ["workerd", "", "none"],
];

for (const [runtime, version, native] of ABILITIES) {
  test(`capability: ${runtime} ${version} can natively: ${native}`, () => {
    assertEquals(meansFor(environment(runtime, version)).native, native);
  });
}

test("capability: every version is in exactly one row", () => {
  for (const runtime of ["node", "deno", "bun", "workerd"] as const) {
    const rows = RELEASES.filter((row) => row.runtime === runtime);
    assertEquals(rows[0].from, "0.0.0");
    rows.forEach((row, index) => assertEquals(row.below, rows[index + 1]?.from));
    for (const row of rows) assertEquals(releaseOf(runtime, row.from), row);
  }
});

test("capability: every row has a link", () => {
  const rows = [
    RELEASES,
    Object.values(FFI_HELP),
    Object.values(FAILURE_HELP),
    Object.values(UPGRADES),
    Object.values(NO_FFI),
  ];
  for (const { source } of rows.flat()) assert(/^https:\/\/\S+$/.test(source), source);
});

test("capability: what is refused as a whole, with the reason", () => {
  assertEquals(
    refusalToOpen("bun", "1.3.14"),
    "it loses bytes that were received, and accepts wrong certificates; use Bun 1.4 or newer",
  );
  for (const version of ["20.15.1", "21.7.0", "22.2.0", "18.0.0"]) {
    assertEquals(
      refusalToOpen("node", version),
      "it has no process.getBuiltinModule; use Node 20.16, 22.3 or newer",
    );
  }
  for (
    const [runtime, version] of [["node", "20.16.0"], ["node", "22.3.0"], ["deno", "2.5.0"], [
      "bun",
      "1.4.0",
    ]] as const
  ) {
    assertEquals(refusalToOpen(runtime, version), undefined);
  }
});

const routes = (of: Environment): string =>
  OPTIONS.map((name) => capabilitiesFor(of).routes[name]).map(({ set, get }) => `${set}/${get}`).join(" ");

test("capability: routes", () => {
  const NONE = "none/none";
  const NATIVE = "native/none";
  const all = "ffi/ffi ffi/ffi ffi/ffi ffi/ffi ffi/ffi";
  for (const runtime of ["node", "deno", "bun"] as const) {
    assertEquals(routes(environment(runtime, "99.0.0", withFfi)), all);
  }
  assertEquals(routes(environment("node", "20.20.2")), `${NATIVE} ${NATIVE} ${NONE} ${NONE} ${NONE}`);
  assertEquals(routes(environment("node", "26.10.0")), `${NATIVE} ${NATIVE} ${NATIVE} ${NATIVE} ${NONE}`);
  assertEquals(routes(environment("deno", "2.9.6")), `${NATIVE} ${NONE} ${NONE} ${NONE} ${NONE}`);
  assertEquals(routes(environment("bun", "1.4.5")), `${NATIVE} ${NATIVE} ${NONE} ${NONE} ${NONE}`);
  assertEquals(routes(environment("workerd", "")), `${NONE} ${NONE} ${NONE} ${NONE} ${NONE}`);
  const mac = { ...withFfi, os: "darwin", arch: "arm64" };
  assertEquals(routes(environment("deno", "2.9.6", mac)), `ffi/ffi ffi/ffi ffi/ffi ffi/ffi ${NONE}`);
});

test("capability: FFI without numbers, or without descriptors, is none", () => {
  for (const os of ["windows", "openbsd", "sunos", "haiku"]) {
    const here = environment("node", "26.10.0", { ...withFfi, os });
    assertEquals(meansFor(here).ffi, []);
    assertEquals(capabilitiesFor(here).readBack, false);
    assertEquals(capabilitiesFor(here).noticesDeath, "whileReadAheadHasRoom");
  }
  assertEquals(meansFor(environment("node", "26.10.0", { ...withFfi, arch: "mips" })).ffi, []);
});

test("capability: how connections end", () => {
  const ends = (of: Environment) => {
    const { noticesDeath, reset, readBack } = capabilitiesFor(of);
    return [noticesDeath, reset, readBack];
  };
  assertEquals(ends(environment("node", "24.21.0")), ["whileReadAheadHasRoom", true, false]);
  assertEquals(ends(environment("node", "24.21.0", withFfi)), ["always", true, true]);
  assertEquals(ends(environment("deno", "2.9.6")), ["whileReadAheadHasRoom", false, false]);
  assertEquals(ends(environment("deno", "2.9.6", withFfi)), ["always", true, true]);
  assertEquals(ends(environment("bun", "1.4.5")), ["always", true, false]);
  assertEquals(ends(environment("workerd", "")), ["whileReadAheadHasRoom", false, false]);
  assertEquals(Object.keys(ENDINGS), ["node", "deno", "bun", "workerd"]);
});

const KOFFI = "install the package koffi (npm install koffi)";
const HINTS: [Environment, KernelName, string][] = [
  [environment("node", "20.20.2"), "TCP_KEEPINTVL", `${KOFFI}, or use Node 24.19, 26.4 or newer`],
  [environment("node", "20.20.2"), "TCP_USER_TIMEOUT", KOFFI],
  [environment("node", "24.21.0"), "TCP_USER_TIMEOUT", KOFFI],
  [environment("node", "26.4.0"), "TCP_USER_TIMEOUT", `run node with --experimental-ffi, or ${KOFFI}`],
  [
    environment("node", "26.10.0"),
    "TCP_USER_TIMEOUT",
    `run node without --no-experimental-ffi (with --permission add --allow-ffi), or ${KOFFI}`,
  ],
  [
    environment("node", "20.20.2", {
      ffi: { available: false, provider: "koffi", failure: "MODULE_NOT_FOUND" },
    }),
    "TCP_KEEPCNT",
    `${KOFFI} (koffi failed with MODULE_NOT_FOUND), or use Node 24.19, 26.4 or newer`,
  ],
  [
    environment("node", "24.21.0", { ffi: { available: false, failure: "ERR_DLOPEN_DISABLED" } }),
    "TCP_USER_TIMEOUT",
    "run node without --no-addons (with --permission add --allow-addons) (koffi failed with ERR_DLOPEN_DISABLED)",
  ],
  [
    environment("node", "26.10.0", { ffi: { available: false, failure: "ERR_ACCESS_DENIED" } }),
    "TCP_USER_TIMEOUT",
    "run node with --allow-ffi beside --permission (node:ffi failed with ERR_ACCESS_DENIED)",
  ],
  [environment("deno", "2.9.6"), "TCP_KEEPIDLE", "run deno with --allow-ffi"],
  [environment("bun", "1.4.5"), "TCP_KEEPINTVL", "let bun:ffi load the C library"],
  [
    environment("workerd", ""),
    "TCP_KEEPIDLE",
    "workerd gives no way to socket options; leave keepAlive out, and send heartbeats in your protocol",
  ],
  [environment("deno", "2.9.6", { os: "darwin" }), "TCP_USER_TIMEOUT", "darwin has no TCP_USER_TIMEOUT"],
  [
    environment("node", "26.10.0", { os: "darwin", ...withFfi }),
    "TCP_USER_TIMEOUT",
    "darwin has no TCP_USER_TIMEOUT",
  ],
  [
    environment("node", "20.20.2", { os: "windows" }),
    "TCP_KEEPINTVL",
    "on windows no runtime gives the handle of a socket, so FFI cannot reach it, or use Node 24.19, 26.4 or newer",
  ],
  [
    environment("deno", "2.9.6", { os: "haiku" }),
    "TCP_KEEPIDLE",
    "keepwire has no socket option numbers for haiku on x64",
  ],
  [
    environment("deno", "2.9.6", { os: "openbsd" }),
    "TCP_KEEPIDLE",
    "openbsd has no keepalive times per socket",
  ],
];

for (const [of, name, hint] of HINTS) {
  test(`capability: hint for ${name} on ${of.runtime} ${of.version} ${of.os} ${of.ffi.failure ?? ""}`, () => {
    assertEquals(hintFor(name, of), hint);
  });
}

test("capability: where TCP_INFO can be read, and what would help", () => {
  const told = (...of: Parameters<typeof environment>) => capabilitiesFor(environment(...of)).tcpInfo;
  for (const runtime of ["node", "deno", "bun"] as const) {
    for (const os of ["linux", "darwin"]) {
      assertEquals(told(runtime, "99.0.0", { ...withFfi, os }), { get: "ffi" });
    }
  }
  assertEquals(told("node", "20.20.2"), { get: "none", hint: KOFFI });
  assertEquals(told("deno", "2.9.6"), { get: "none", hint: "run deno with --allow-ffi" });
  const none = (hint: string) => ({ get: "none" as const, hint });
  assertEquals(
    told("bun", "1.4.5", { ...withFfi, os: "freebsd" }),
    none("keepwire has no layout of TCP_INFO for freebsd"),
  );
  assertEquals(
    told("deno", "2.9.6", { ...withFfi, os: "openbsd" }),
    none("openbsd has no keepalive times per socket"),
  );
  assertEquals(
    told("deno", "2.9.6", { ...withFfi, os: "haiku" }),
    none("keepwire has no socket option numbers for haiku on x64"),
  );
});

test("capability: a hint stands wherever a route is missing, and nowhere else", () => {
  for (const row of RELEASES) {
    for (const os of ["linux", "darwin", "windows", "openbsd", "haiku"]) {
      for (const available of [true, false]) {
        const { routes } = capabilitiesFor(environment(row.runtime, row.from, { os, ffi: { available } }));
        for (const { set, get, hint } of Object.values(routes)) {
          assertEquals(hint !== undefined, set === "none" || get === "none");
        }
      }
    }
  }
});

test("capability: the means name the runtime and its version", () => {
  assertEquals(meansFor(environment("node", "v20.20.2")).runtime, "node 20.20.2");
  assertEquals(meansFor(environment("workerd", "")).runtime, "workerd");
  assertEquals(capabilitiesFor(environment("node", "v20.20.2")).version, "20.20.2");
});

const REUSE_PORT_NEEDS: [Runtime, string, string | undefined][] = [
  ["node", "20.20.2", "Node 22.12, 23.1 or newer"],
  ["node", "22.11.0", "Node 22.12, 23.1 or newer"],
  ["node", "22.12.0", undefined],
  ["node", "23.0.0", "Node 22.12, 23.1 or newer"],
  ["node", "23.1.0", undefined],
  ["node", "26.10.0", undefined],
  ["deno", "2.9.6", "Deno's flag --unstable-net"],
  ["bun", "1.4.5", undefined],
  ["workerd", "", undefined],
];

for (const [runtime, version, needs] of REUSE_PORT_NEEDS) {
  test(`capability: reusePort on ${runtime} ${version} needs ${needs ?? "nothing"}`, () => {
    assertEquals(reusePortNeeds(runtime, version), needs);
  });
}
