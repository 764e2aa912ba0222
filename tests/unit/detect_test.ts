/** `detectsWithin`: literal cases, and the model of the kernel's timers over random values. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { detectsWithin } from "../../core/keepalive/detect.ts";
import type { KernelTimers } from "../../core/keepalive/kernel_timers.ts";
import type { KernelValues } from "../../core/keepalive/model.ts";
import { statusOf } from "../../core/keepalive/status.ts";
import type { DetectsWithin } from "../../core/types.ts";
import { ModelSocket, type SocketValues } from "./kernel_timers.ts";

const values = (idle: number, interval: number, count: number, userTimeout?: number): KernelValues => ({
  SO_KEEPALIVE: 1,
  TCP_KEEPIDLE: idle,
  TCP_KEEPINTVL: interval,
  TCP_KEEPCNT: count,
  ...(userTimeout === undefined ? {} : { TCP_USER_TIMEOUT: userTimeout }),
});

/** Measured on Linux 6.18 with a dead peer: 4.99, 9.09, 2.74, 2.93 and 9.18 s, the last one with a fresh connection. */
const IDLE: [KernelValues, number | undefined][] = [
  [values(2, 1, 3), 5000],
  [values(2, 1, 3, 0), 5000],
  [values(2, 1, 3, 9000), 9000],
  [values(2, 1, 3, 3000), 3000],
  [values(2, 1, 3, 500), 3000],
  // Probes fall due at 1, 5 and 9 s; or at 1.99, 5.99 and 9.99 s.
  [values(1, 4, 3, 6000), 10_000],
  // At 1, 5, 9 and 13 s; or, after an answered probe, at 4, 8, 12 and 16 s.
  [values(1, 4, 3), 16_000],
  [values(1, 4, 3, 8000), 12_000],
  [values(4, 4, 3, 8000), 8000],
  [values(10, 5, 3, 20_000), 20_000],
  [values(10, 5, 3, 20_001), 25_000],
  [values(15, 15, 9), 150_000],
  [values(32_767, 32_767, 127), 4_194_176_000],
  [{ ...values(2, 1, 3, 4000), SO_KEEPALIVE: 0 }, undefined],
  [{ ...values(2, 1, 3), SO_KEEPALIVE: 0 }, undefined],
  [{ SO_KEEPALIVE: 1 }, undefined],
  [{ SO_KEEPALIVE: 1, TCP_KEEPIDLE: 2, TCP_KEEPINTVL: 1 }, undefined],
  [{ SO_KEEPALIVE: 1, TCP_KEEPIDLE: 2, TCP_KEEPINTVL: 1, TCP_USER_TIMEOUT: 3000 }, 3000],
  [{ SO_KEEPALIVE: 1, TCP_KEEPIDLE: 2, TCP_KEEPCNT: 1, TCP_USER_TIMEOUT: 3000 }, undefined],
  [{}, undefined],
];

for (const [given, expected] of IDLE) {
  test(`detectsWithin idle ${JSON.stringify(given)}`, () => {
    assertEquals(detectsWithin(given), expected === undefined ? {} : { idle: expected });
    assertEquals(detectsWithin(given, {}).idle, expected);
  });
}

/** By user timeout, and what is known of the timers. */
const BUSY: [number | undefined, KernelTimers | undefined, DetectsWithin][] = [
  [5000, undefined, {}],
  [undefined, {}, {}],
  [0, { rto: 204 }, {}],
  [5000, { rto: 204 }, { inFlight: 5408, zeroWindow: 5204 }],
  [5000, { rto: 204, retries2: 15 }, { inFlight: 5408, zeroWindow: 5204 }],
  [5000, {}, { inFlight: 7000, zeroWindow: 6000 }],
  // Below the least that window probes wait.
  [5000, { rto: 40 }, { inFlight: 5080, zeroWindow: 5200 }],
  // The 924.6 s of tcp(7): retransmissions until then, and one more that is due.
  [undefined, { rto: 204, retries2: 15 }, { inFlight: 408 + 928_488, zeroWindow: 1_920_000 }],
  [0, { rto: 200, retries2: 15 }, { inFlight: 400 + 1_044_400, zeroWindow: 1_920_000 }],
  [0, { retries2: 15 }, { inFlight: 2000 + 1_044_600, zeroWindow: 1_920_000 }],
  [0, { rto: 204, retries2: 3 }, { inFlight: 408 + 6120, zeroWindow: 4 * 1632 }],
  [0, { rto: 204, retries2: 5 }, { inFlight: 408 + 12_648, zeroWindow: 6 * 6528 }],
  [0, { retries2: 3 }, { inFlight: 2000 + 8000, zeroWindow: 4 * 8000 }],
  // Just reached is over.
  [0, { rto: 100, retries2: 0 }, { inFlight: 200 + 200, zeroWindow: 200 }],
  [0, { rto: 204, retries2: 0 }, { inFlight: 408 + 408, zeroWindow: 204 }],
  [0, { rto: 204, retries2: 15, rtoMax: 1000 }, { inFlight: 408 + 15_224, zeroWindow: 16_000 }],
  [5000, { rtoMax: 1000, rto: 1000 }, { inFlight: 7000, zeroWindow: 6000 }],
];

for (const [userTimeout, timers, expected] of BUSY) {
  test(`detectsWithin in flight, zero window ${userTimeout} ${JSON.stringify(timers)}`, () => {
    assertEquals(detectsWithin({ SO_KEEPALIVE: 0, TCP_USER_TIMEOUT: userTimeout }, timers), expected);
  });
}

/** A small seeded generator (mulberry32), so that a failure can be run again. */
function random(seed: number): (max: number) => number {
  return (max) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296 * max);
  };
}

type Random = ReturnType<typeof random>;

/** From 1 to `max`, small and large numbers alike. */
function anySize(next: Random, max: number): number {
  return 1 + next(Math.ceil(max ** (next(1000) / 1000)));
}

/** A socket's values over the whole range that the kernel takes. */
function anyValues(next: Random): SocketValues {
  const hz = [100, 250, 1000][next(3)];
  const rtoMax = next(2) === 0 ? 120 * hz : hz + next(119 * hz);
  const values: SocketValues = {
    hz,
    // In flight the timer does nothing but run: not so often that the test takes long.
    keepalive: next(4) === 0
      ? { time: 60 + next(32_707), intvl: 1 + next(32_767), probes: 1 + next(127) }
      : undefined,
    userTimeout: next(3) === 0 ? 0 : anySize(next, 2 ** 31 - 2),
    retries2: next(2) === 0 ? next(16) : next(256),
    rtoMax,
    // Below TCP_RTO_MIN where net.ipv4.tcp_rto_min_us, or the route, says so.
    rto: Math.min(rtoMax, [hz / 5 + next(hz / 10), hz / 5 + next(10 * hz), 1 + next(hz / 5)][next(3)]),
  };
  return values;
}

/** What the library says of such a socket. */
function said({ hz, keepalive, userTimeout, retries2, rtoMax, rto }: SocketValues): DetectsWithin {
  const { time, intvl, probes } = keepalive ?? {};
  const milliseconds = (jiffies: number) => jiffies * 1000 / hz;
  const held: KernelValues = {
    SO_KEEPALIVE: keepalive ? 1 : 0,
    TCP_KEEPIDLE: time,
    TCP_KEEPINTVL: intvl,
    TCP_KEEPCNT: probes,
    TCP_USER_TIMEOUT: userTimeout,
  };
  return detectsWithin(held, { retries2, rtoMax: milliseconds(rtoMax), rto: milliseconds(rto) });
}

/** Both in jiffies: never later than said, and as late. */
function assertReached(hz: number, worst: number, within: number, slack: number, row: string): void {
  const bound = within * hz / 1000;
  assert(worst <= bound + slack && worst > bound - 1 - 1e-6, `${row}: model ${worst}, said ${bound} jiffies`);
}

/** With a segment of the peer's that comes so many jiffies after an answered probe, and is the last: from it until death. */
function idleDeath(values: SocketValues, offset: number): number {
  const socket = new ModelSocket(values);
  socket.run(values.keepalive!.time * values.hz + offset);
  socket.receive();
  socket.peerAnswers = false;
  socket.run();
  return socket.death! - socket.received;
}

test("detectsWithin idle: is the worst of all moments at which the last segment can come", () => {
  const next = random(20_240_607);
  for (let run = 0; run < 400; run++) {
    const keepalive = { time: 1 + next(5), intvl: 1 + next(4), probes: 1 + next(5) };
    const hz = 100;
    const timers = { retries2: 15, rtoMax: 12_000, rto: 20 };
    const values = { hz, keepalive, userTimeout: next(3) === 0 ? 0 : 1 + next(20_000), ...timers };
    let worst = 0;
    for (let offset = 0; offset < keepalive.intvl * hz; offset++) {
      worst = Math.max(worst, idleDeath(values, offset));
    }
    assertReached(hz, worst, said(values).idle!, 0, JSON.stringify(values));
  }
});

test("detectsWithin idle: is what the kernel's timer comes to, over the whole range", () => {
  const next = random(1);
  for (let run = 0; run < 5000; run++) {
    const keepalive = { time: anySize(next, 32_767), intvl: anySize(next, 32_767), probes: 1 + next(127) };
    const values = { ...anyValues(next), keepalive };
    // A probe each second for 24 days is more than a test need see.
    values.userTimeout = Math.min(values.userTimeout, keepalive.intvl * 2_000_000);
    const { hz, userTimeout } = values;
    const row = JSON.stringify(values);
    const period = keepalive.intvl * hz;
    const bound = said(values).idle!;
    assert(idleDeath(values, next(period)) <= bound * hz / 1000, row);
    // At once; as late as still leaves the idle time; and so that a probe is due just before the user timeout is over.
    const offsets = [0, Math.max(0, period - keepalive.time * hz)];
    const justBefore = period - ((Math.ceil(userTimeout * hz / 1000) - 1) % period);
    if (userTimeout > 0 && justBefore < offsets[1]) offsets.push(justBefore);
    assertReached(hz, Math.max(...offsets.map((offset) => idleDeath(values, offset))), bound, 0, row);
  }
});

test("detectsWithin in flight: is what the kernel's timers come to, over the whole range", () => {
  const next = random(2);
  for (let run = 0; run < 5000; run++) {
    const values = anyValues(next);
    values.userTimeout = Math.min(values.userTimeout, values.rtoMax / values.hz * 2_000_000);
    const bound = said(values).inFlight!;
    const sent = next(values.hz * 50);
    const deathWith = (lossProbe: number | undefined) => {
      const socket = new ModelSocket(values);
      socket.run(sent);
      socket.peerAnswers = false;
      socket.send(lossProbe);
      socket.run();
      return socket.death! - sent;
    };
    const row = JSON.stringify({ ...values, sent });
    // The kernel rounds the rest of the user timeout up to a jiffy.
    const slack = values.userTimeout > 0 ? 1 : 0;
    for (const lossProbe of [undefined, next(values.rto)]) {
      assert(deathWith(lossProbe) <= bound * values.hz / 1000 + slack, row);
    }
    assertReached(values.hz, deathWith(values.rto), bound, slack, row);
    const unknown = detectsWithin({ TCP_USER_TIMEOUT: values.userTimeout }, {
      retries2: values.retries2,
      rtoMax: values.rtoMax * 1000 / values.hz,
    });
    if (values.rto <= values.hz) assert(unknown.inFlight! >= bound, `${row}: without the RTO`);
  }
});

test("detectsWithin zero window: is what the kernel's timers come to, over the whole range", () => {
  const next = random(3);
  for (let run = 0; run < 3000; run++) {
    const values = anyValues(next);
    // With more the kernel shifts the backoff out of 64 bits: the time between probes is then no time that was meant.
    const retries2 = values.retries2 %= 48;
    const { hz } = values;
    values.userTimeout = Math.min(values.userTimeout, values.rtoMax / hz * 2_000_000);
    const bound = said(values).zeroWindow!;
    const row = JSON.stringify(values);
    const socket = new ModelSocket(values);
    const closed = next(hz * 50);
    socket.run(closed);
    socket.closeWindow();
    socket.queue();
    if (values.userTimeout > 0) {
      // Alive and not reading, or gone: at any moment, it is the same. TCP_TIMEOUT_MIN is 2 jiffies.
      if (next(2) === 0) socket.run(closed + next(bound * hz / 1000));
      socket.peerAnswers = next(2) === 0;
      socket.run();
      // For a peer that does not answer tcp_retries2 is a limit too, and 0 of it for any.
      if (socket.peerAnswers && retries2 > 0) assertReached(hz, socket.death! - closed, bound, 2, row);
      else assert(socket.death! - closed <= bound * hz / 1000 + 2, row);
      continue;
    }
    // It answers for as long as backoff grows, or less; and then no more.
    const alive = next(2) === 0 ? next(bound * 2 * hz / 1000) : bound * 2 * hz / 1000;
    socket.run(closed + alive);
    if (retries2 > 0) assertEquals(socket.death, undefined, `${row}: a peer that answers is given up`);
    socket.peerAnswers = false;
    socket.run();
    const counted = Math.max(socket.received, closed);
    assert(socket.death! - counted <= bound * hz / 1000, row);
    if (alive === bound * 2 * hz / 1000 && retries2 > 0) {
      assertReached(hz, socket.death! - counted, bound, 0, row);
    }
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
  const how = { source: "kernel", route: "ffi", notApplied: [] } as const;
  assertEquals(statusOf(values(10, 5, 3, 20_000), { ...how, notApplied: [] }, { rto: 204 }), {
    enabled: true,
    idle: 10_000,
    interval: 5_000,
    count: 3,
    userTimeout: 20_000,
    source: "kernel",
    route: "ffi",
    notApplied: [],
    detectsWithin: { idle: 20_000, inFlight: 20_408, zeroWindow: 20_204 },
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
  assertEquals(statusOf({ TCP_USER_TIMEOUT: 0 }, { ...how, notApplied: [] }).userTimeout, 0);
});
