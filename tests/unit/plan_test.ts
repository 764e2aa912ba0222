/** Plans: every kind of means against every kind of wish. */
import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UnsupportedOptionError } from "../../core/errors.ts";
import type { KernelName } from "../../core/types.ts";
import type { KernelValues, Means, NativeAbility, NativeCall, Plan } from "../../core/keepalive/model.ts";
import { KERNEL_OPTIONS, planOptions, unixPlan, unmetBy } from "../../core/keepalive/plan.ts";
import { validateKeepAlive } from "../../core/keepalive/validate.ts";

const [ON, IDLE, INTVL, CNT, UT] = KERNEL_OPTIONS;
const FOUR = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };
const THREE = { idle: 10_000, interval: 5_000, count: 3 };

const means = (native: NativeAbility, ffi: readonly KernelName[] = []): Means => ({
  runtime: "node 20.20.2",
  native,
  ffi,
  hint: "install koffi",
});
const FFI = means("idle", KERNEL_OPTIONS);
/** macOS: no user timeout. */
const FFI_WITHOUT_UT = means("switch", KERNEL_OPTIONS.filter((name) => name !== UT));
const ALL = means("all");
const ONLY_IDLE = means("idle");
const SWITCH = means("switch");
const NONE = means("none");

const remoteAddress = { transport: "tcp", hostname: "127.0.0.1", port: 5432 } as const;
const planFor = (value: unknown, by: Means): Plan =>
  planOptions(validateKeepAlive(value), by, { op: "connect", remoteAddress });

/** held values in the order SO_KEEPALIVE, idle, interval, count, user timeout; "-" is not known. */
const heldOf = ({ held }: Plan): string => KERNEL_OPTIONS.map((name) => held[name] ?? "-").join(" ");
const triple = (idleSeconds: number, intervalSeconds: number, count: number): NativeCall => ({
  enable: true,
  idleSeconds,
  intervalSeconds,
  count,
});

interface Row {
  asked: unknown;
  by: Means;
  /** FFI: names in their order; native: the calls. */
  does: KernelName[] | NativeCall[];
  held: string;
  notApplied?: KernelName[];
}

const ON_CALL = { enable: true };
const OFF_CALL = { enable: false };
const IDLE_CALL = { enable: true, idleSeconds: 15 };
const report = <T extends object>(value: T) => ({ ...value, unsupported: "report" });

const HELD: Record<string, Row[]> = {
  "FFI has all": [
    { asked: true, by: FFI, does: [IDLE, INTVL, CNT, ON], held: "1 15 15 9 -" },
    { asked: FOUR, by: FFI, does: [IDLE, INTVL, CNT, UT, ON], held: "1 10 5 3 20000" },
    { asked: false, by: FFI, does: [ON], held: "0 - - - -" },
    { asked: { enabled: false }, by: FFI, does: [ON], held: "0 - - - -" },
    { asked: { ...FOUR, enabled: false }, by: FFI, does: [IDLE, INTVL, CNT, UT, ON], held: "0 10 5 3 20000" },
    { asked: { idle: null }, by: FFI, does: [INTVL, CNT, ON], held: "1 - 15 9 -" },
    { asked: { interval: null }, by: FFI, does: [IDLE, CNT, ON], held: "1 15 - 9 -" },
    { asked: { count: null, userTimeout: 0 }, by: FFI, does: [IDLE, INTVL, UT, ON], held: "1 15 15 - 0" },
    { asked: { idle: null, interval: null, count: null }, by: FFI, does: [ON], held: "1 - - - -" },
  ],
  "FFI without TCP_USER_TIMEOUT": [
    { asked: true, by: FFI_WITHOUT_UT, does: [IDLE, INTVL, CNT, ON], held: "1 15 15 9 -" },
    {
      asked: report(FOUR),
      by: FFI_WITHOUT_UT,
      does: [IDLE, INTVL, CNT, ON],
      held: "1 10 5 3 -",
      notApplied: [UT],
    },
  ],
  "native with all three": [
    { asked: true, by: ALL, does: [triple(15, 15, 9)], held: "1 15 15 9 -" },
    { asked: THREE, by: ALL, does: [triple(10, 5, 3)], held: "1 10 5 3 -" },
    { asked: { idle: 1 }, by: ALL, does: [triple(1, 15, 9)], held: "1 1 15 9 -" },
    { asked: { userTimeout: null }, by: ALL, does: [triple(15, 15, 9)], held: "1 15 15 9 -" },
    { asked: false, by: ALL, does: [OFF_CALL], held: "0 - - - -" },
    { asked: { ...THREE, enabled: false }, by: ALL, does: [triple(10, 5, 3), OFF_CALL], held: "0 10 5 3 -" },
    {
      asked: { enabled: false, idle: 10_000 },
      by: ALL,
      does: [triple(10, 15, 9), OFF_CALL],
      held: "0 10 15 9 -",
      notApplied: [INTVL, CNT],
    },
    { asked: { interval: null }, by: ALL, does: [ON_CALL], held: "1 - - - -", notApplied: [IDLE, CNT] },
    { asked: { idle: null, interval: null, count: null }, by: ALL, does: [ON_CALL], held: "1 - - - -" },
    { asked: report(FOUR), by: ALL, does: [triple(10, 5, 3)], held: "1 10 5 3 -", notApplied: [UT] },
    {
      asked: report({ idle: 10_000, interval: null, count: 3 }),
      by: ALL,
      does: [triple(10, 15, 3)],
      held: "1 10 15 3 -",
      notApplied: [INTVL],
    },
  ],
  "native with idle, forcing 1 s x 10": [
    { asked: true, by: ONLY_IDLE, does: [IDLE_CALL], held: "1 15 1 10 -", notApplied: [INTVL, CNT] },
    {
      asked: { idle: 10_000 },
      by: ONLY_IDLE,
      does: [{ enable: true, idleSeconds: 10 }],
      held: "1 10 1 10 -",
      notApplied: [INTVL, CNT],
    },
    {
      asked: { idle: 10_000, interval: 1000, count: 10 },
      by: ONLY_IDLE,
      does: [{ enable: true, idleSeconds: 10 }],
      held: "1 10 1 10 -",
    },
    { asked: { interval: 1 }, by: ONLY_IDLE, does: [IDLE_CALL], held: "1 15 1 10 -", notApplied: [CNT] },
    { asked: { interval: null }, by: ONLY_IDLE, does: [ON_CALL], held: "1 - - - -", notApplied: [IDLE, CNT] },
    { asked: { idle: null }, by: ONLY_IDLE, does: [ON_CALL], held: "1 - - - -", notApplied: [INTVL, CNT] },
    { asked: { idle: null, interval: null, count: null }, by: ONLY_IDLE, does: [ON_CALL], held: "1 - - - -" },
    { asked: false, by: ONLY_IDLE, does: [OFF_CALL], held: "0 - - - -" },
    {
      asked: { enabled: false, idle: 10_000, interval: 1000, count: 10 },
      by: ONLY_IDLE,
      does: [{ enable: true, idleSeconds: 10 }, OFF_CALL],
      held: "0 10 1 10 -",
    },
    {
      asked: report(FOUR),
      by: ONLY_IDLE,
      does: [{ enable: true, idleSeconds: 10 }],
      held: "1 10 1 10 -",
      notApplied: [INTVL, CNT, UT],
    },
    {
      asked: report({ idle: 10_000, interval: null }),
      by: ONLY_IDLE,
      does: [{ enable: true, idleSeconds: 10 }],
      held: "1 10 1 10 -",
      notApplied: [INTVL, CNT],
    },
  ],
  "native with a switch": [
    { asked: true, by: SWITCH, does: [ON_CALL], held: "1 - - - -", notApplied: [IDLE, INTVL, CNT] },
    { asked: false, by: SWITCH, does: [OFF_CALL], held: "0 - - - -" },
    { asked: { idle: null, interval: null, count: null }, by: SWITCH, does: [ON_CALL], held: "1 - - - -" },
    {
      asked: report(FOUR),
      by: SWITCH,
      does: [ON_CALL],
      held: "1 - - - -",
      notApplied: [IDLE, INTVL, CNT, UT],
    },
  ],
  "nothing": [
    { asked: true, by: NONE, does: [], held: "- - - - -", notApplied: [ON, IDLE, INTVL, CNT] },
    { asked: false, by: NONE, does: [], held: "- - - - -", notApplied: [ON] },
    { asked: report(FOUR), by: NONE, does: [], held: "- - - - -", notApplied: [ON, IDLE, INTVL, CNT, UT] },
  ],
};

for (const [name, rows] of Object.entries(HELD)) {
  for (const { asked, by, does, held, notApplied = [] } of rows) {
    test(`plan: ${name}: ${JSON.stringify(asked)}`, () => {
      const plan = planFor(asked, by);
      const route = by === NONE ? "none" : by.ffi.length > 0 ? "ffi" : "native";
      assertEquals(plan.route, route);
      assertEquals(route === "ffi" ? plan.steps.map((step) => step.name) : plan.calls, does);
      assertEquals(route === "ffi" ? plan.calls : plan.steps, []);
      for (const { name, value } of plan.steps) assertEquals(value, plan.held[name]);
      assertEquals(heldOf(plan), held);
      assertEquals(plan.notApplied, notApplied);
    });
  }
}

const REFUSED: [unknown, Means, KernelName[], "set" | "leave alone"][] = [
  [FOUR, FFI_WITHOUT_UT, [UT], "set"],
  [{ userTimeout: 0 }, FFI_WITHOUT_UT, [UT], "set"],
  [FOUR, ALL, [UT], "set"],
  [{ userTimeout: 0 }, ALL, [UT], "set"],
  [{ idle: 10_000, interval: null }, ALL, [INTVL], "leave alone"],
  [{ idle: null, count: 3 }, ALL, [IDLE], "leave alone"],
  [{ enabled: false, idle: 10_000, interval: 5_000, count: null }, ALL, [CNT], "leave alone"],
  [THREE, ONLY_IDLE, [INTVL, CNT], "set"],
  [FOUR, ONLY_IDLE, [INTVL, CNT, UT], "set"],
  [{ interval: 5_000 }, ONLY_IDLE, [INTVL], "set"],
  [{ count: 9 }, ONLY_IDLE, [CNT], "set"],
  [{ idle: 10_000, interval: null }, ONLY_IDLE, [INTVL], "leave alone"],
  [{ idle: null, interval: 1_000 }, ONLY_IDLE, [IDLE], "leave alone"],
  [{ enabled: false, count: 3 }, ONLY_IDLE, [CNT], "set"],
  [FOUR, SWITCH, [IDLE, INTVL, CNT, UT], "set"],
  [{ idle: 10_000 }, SWITCH, [IDLE], "set"],
  [{ enabled: false, idle: 10_000 }, SWITCH, [IDLE], "set"],
  [{ idle: 10_000 }, NONE, [IDLE], "set"],
];

for (const [asked, by, options, verb] of REFUSED) {
  test(`plan: refused by ${by.native}${by.ffi.length > 0 ? " and FFI" : ""}: ${JSON.stringify(asked)}`, () => {
    const error = assertThrows(() => planFor(asked, by), UnsupportedOptionError);
    assertEquals(error.message, `Cannot ${verb} ${options.join(", ")} on node 20.20.2: install koffi`);
    assertEquals([error.code, error.op, error.options, error.hint], [
      "ENOTSUP",
      "connect",
      options,
      "install koffi",
    ]);
    assertEquals(error.remoteAddress, remoteAddress);
    planFor({ ...asked as object, unsupported: "report" }, by);
  });
}

test("plan: a hint of the option's own stands before the common one", () => {
  const by: Means = { ...ONLY_IDLE, hints: { TCP_KEEPINTVL: "use Node 26", TCP_KEEPCNT: "use Node 26" } };
  const error = assertThrows(() => planFor(FOUR, by), UnsupportedOptionError);
  assertEquals(error.hint, "use Node 26; install koffi");
});

test("plan: what helps every option is enough of a hint", () => {
  const hint = "install koffi, or use Node 26";
  const by: Means = { ...ONLY_IDLE, hints: { TCP_KEEPINTVL: hint, TCP_KEEPCNT: hint } };
  const hintFor = (asked: unknown) => assertThrows(() => planFor(asked, by), UnsupportedOptionError).hint;
  assertEquals(hintFor(FOUR), "install koffi");
  assertEquals(hintFor(THREE), hint);
});

/** Every combination of a few values per option. */
function* everyWish(): Generator<Record<string, unknown>> {
  for (const enabled of [undefined, true, false]) {
    for (const idle of [undefined, null, 15_000, 7_000]) {
      for (const interval of [undefined, null, 1_000, 7_000]) {
        for (const count of [undefined, null, 10, 7]) {
          for (const userTimeout of [undefined, null, 0, 7_000]) {
            yield { enabled, idle, interval, count, userTimeout };
          }
        }
      }
    }
  }
}

test("plan: never a fourth outcome: held, refused, or in notApplied", () => {
  for (const by of [FFI, FFI_WITHOUT_UT, ALL, ONLY_IDLE, SWITCH, NONE]) {
    for (const asked of everyWish()) {
      const row = `${JSON.stringify(asked)} by ${by.native} ${by.ffi.length}`;
      const wishes = validateKeepAlive(asked);
      const reported = planFor(report(asked), by);
      let plan: Plan | undefined;
      try {
        plan = planFor(asked, by);
      } catch (error) {
        assert(error instanceof UnsupportedOptionError && error.options.length > 0, row);
        assert(error.options.every((name) => (reported.notApplied as string[]).includes(name)), row);
      }
      for (const name of KERNEL_OPTIONS.slice(1) as (keyof typeof wishes.options)[]) {
        const wish = wishes.options[name];
        const { held, notApplied } = plan ?? reported;
        const met = wish.kind === "keep" ? held[name] === undefined : held[name] === wish.value;
        assertEquals(notApplied.includes(name), !met, `${row}: ${name}`);
        if (plan && wish.explicit) assert(met, `${row}: ${name}`);
      }
    }
  }
});

test("plan: unmetBy compares with what was read", () => {
  const wishes = validateKeepAlive(THREE);
  const read: KernelValues = {
    SO_KEEPALIVE: 1,
    TCP_KEEPIDLE: 10,
    TCP_KEEPINTVL: 5,
    TCP_KEEPCNT: 3,
    TCP_USER_TIMEOUT: 77,
  };
  assertEquals(unmetBy(read, wishes), []);
  assertEquals(unmetBy({ ...read, SO_KEEPALIVE: 0, TCP_KEEPINTVL: 1 }, wishes), [ON, INTVL]);
  assertEquals(
    unmetBy({ ...read, TCP_KEEPINTVL: 1 }, validateKeepAlive({ interval: null, idle: 10_000, count: 3 })),
    [],
  );
});

const unix = (value: unknown): Plan =>
  unixPlan(validateKeepAlive(value), { op: "connect", remoteAddress: { transport: "unix", path: "/x" } });

test("plan: a Unix socket has no keepalive", () => {
  const plan = { route: "none" as const, steps: [], calls: [], held: { SO_KEEPALIVE: 0 } };
  assertEquals(unix(true), { ...plan, notApplied: [ON, IDLE, INTVL, CNT] });
  assertEquals(unix({}), unix(true));
  assertEquals(unix(false), { ...plan, notApplied: [] });
  assertEquals(unix({ idle: null, interval: null, count: null }), { ...plan, notApplied: [ON] });
  assertEquals(unix(report(FOUR)), { ...plan, notApplied: [ON, IDLE, INTVL, CNT, UT] });
  for (const asked of [{ idle: 1 }, { userTimeout: 0 }, { count: 3, enabled: false }]) {
    const error = assertThrows(() => unix(asked), UnsupportedOptionError);
    assert(
      /^Cannot set TCP_\w+ on a Unix socket: keepalive is for TCP only/.test(error.message),
      error.message,
    );
  }
});
