/** `detectsWithin`: literal cases, and a model of the kernel's timer over random values. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { detectsWithin } from "../../core/keepalive/detect.ts";
import type { KernelValues } from "../../core/keepalive/model.ts";
import { statusOf } from "../../core/keepalive/status.ts";

const values = (idle: number, interval: number, count: number, userTimeout?: number): KernelValues => ({
  SO_KEEPALIVE: 1,
  TCP_KEEPIDLE: idle,
  TCP_KEEPINTVL: interval,
  TCP_KEEPCNT: count,
  ...(userTimeout === undefined ? {} : { TCP_USER_TIMEOUT: userTimeout }),
});

/** Measured on Linux 6.18 with a dead peer: 4.99, 9.09, 2.74, 2.93 and 9.18 s. */
const CASES: [KernelValues, { idle?: number; inFlight?: number }][] = [
  [values(2, 1, 3), { idle: 5000 }],
  [values(2, 1, 3, 0), { idle: 5000 }],
  [values(2, 1, 3, 9000), { idle: 9000, inFlight: 9000 }],
  [values(2, 1, 3, 3000), { idle: 3000, inFlight: 3000 }],
  [values(2, 1, 3, 500), { idle: 3000, inFlight: 500 }],
  [values(1, 4, 3, 6000), { idle: 9000, inFlight: 6000 }],
  [values(10, 5, 3, 20_000), { idle: 20_000, inFlight: 20_000 }],
  [values(10, 5, 3, 20_001), { idle: 25_000, inFlight: 20_001 }],
  [values(15, 15, 9), { idle: 150_000 }],
  [values(32_767, 32_767, 127), { idle: 4_194_176_000 }],
  [{ ...values(2, 1, 3, 4000), SO_KEEPALIVE: 0 }, { inFlight: 4000 }],
  [{ ...values(2, 1, 3), SO_KEEPALIVE: 0 }, {}],
  [{ SO_KEEPALIVE: 1 }, {}],
  [{ SO_KEEPALIVE: 1, TCP_KEEPIDLE: 2, TCP_KEEPINTVL: 1 }, {}],
  [{ SO_KEEPALIVE: 1, TCP_KEEPIDLE: 2, TCP_KEEPINTVL: 1, TCP_USER_TIMEOUT: 3000 }, {
    idle: 3000,
    inFlight: 3000,
  }],
  [{ SO_KEEPALIVE: 1, TCP_KEEPIDLE: 2, TCP_KEEPCNT: 1, TCP_USER_TIMEOUT: 3000 }, { inFlight: 3000 }],
  [{}, {}],
];

for (const [given, expected] of CASES) {
  test(`detectsWithin ${JSON.stringify(given)}`, () => assertEquals(detectsWithin(given), expected));
}

/** tcp_keepalive_timer of net/ipv4/tcp_timer.c, with a peer that never answers: seconds until it gives up. */
function kernelTimer(idle: number, interval: number, count: number, userTimeout: number): number {
  let elapsed = idle;
  let probesOut = 0;
  for (;;) {
    const over = userTimeout !== 0 && elapsed * 1000 >= userTimeout && probesOut > 0;
    if (over || (userTimeout === 0 && probesOut >= count)) return elapsed;
    probesOut++;
    elapsed += interval;
  }
}

/** A small seeded generator (mulberry32), so that a failure can be run again. */
function random(seed: number): (max: number) => number {
  return (max) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * max | 0;
  };
}

test("detectsWithin: is what the kernel's timer comes to", () => {
  const next = random(20_240_607);
  for (let run = 0; run < 20_000; run++) {
    const [idle, interval, count] = [1 + next(200), 1 + next(90), 1 + next(127)];
    const userTimeout = next(3) === 0 ? 0 : next(2) === 0 ? 1 + next(3000) : 1 + next(600_000);
    const row = `${idle} ${interval} ${count} ${userTimeout}`;
    const within = detectsWithin(values(idle, interval, count, userTimeout));
    assertEquals(within.idle, kernelTimer(idle, interval, count, userTimeout) * 1000, row);
    assertEquals(within.inFlight, userTimeout || undefined, row);
  }
});

test("detectsWithin: never falls when a value grows, and never below idle + interval or the user timeout", () => {
  const next = random(7);
  for (let run = 0; run < 5000; run++) {
    const given: [number, number, number, number] = [1 + next(99), 1 + next(99), 1 + next(20), next(200_000)];
    const within = detectsWithin(values(...given)).idle!;
    assert(within >= (given[0] + given[1]) * 1000 && within >= given[3], `${given}`);
    // The interval is not among these: with a user timeout a longer one can meet it earlier.
    for (const index of [0, 2]) {
      const longer = [...given] as typeof given;
      longer[index]++;
      assert(given[3] > 0 || detectsWithin(values(...longer)).idle! >= within, `${given} at ${index}`);
    }
    if (given[3] > 0) {
      assert(detectsWithin(values(given[0], given[1], given[2], given[3] + 1)).idle! >= within, `${given}`);
    }
  }
});

test("status: kernel units become milliseconds, what is not known is absent", () => {
  assertEquals(statusOf(values(10, 5, 3, 20_000), { source: "kernel", route: "ffi", notApplied: [] }), {
    enabled: true,
    idle: 10_000,
    interval: 5_000,
    count: 3,
    userTimeout: 20_000,
    source: "kernel",
    route: "ffi",
    notApplied: [],
    detectsWithin: { idle: 20_000, inFlight: 20_000 },
  });
  assertEquals(
    statusOf({ SO_KEEPALIVE: 8 }, { source: "requested", route: "native", notApplied: ["TCP_KEEPIDLE"] }),
    {
      enabled: true,
      source: "requested",
      route: "native",
      notApplied: ["TCP_KEEPIDLE"],
      detectsWithin: {},
    },
  );
  assertEquals(statusOf({}, { source: "requested", route: "none", notApplied: [] }).enabled, false);
  assertEquals(
    statusOf({ TCP_USER_TIMEOUT: 0 }, { source: "kernel", route: "ffi", notApplied: [] }).userTimeout,
    0,
  );
});
