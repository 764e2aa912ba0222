/** The watcher, over connections whose TCP_INFO is written by hand. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HealthClock } from "../../core/health/clock.ts";
import { validateWatching } from "../../core/health/validate.ts";
import { Watch } from "../../core/health/watch.ts";
import { pending, rejectQuietly } from "../../core/lifecycle/promises.ts";
import { socketError } from "../../core/socket_error.ts";
import type { Connection, HealthEvent, TcpInfo, WatchHealthOptions } from "../../core/types.ts";

/** What is used of a connection. */
class FakeConnection {
  seen: Partial<TcpInfo> = {};
  /** When something was received last. */
  silentSince = performance.now();
  looks = 0;
  readonly #closed = pending<void>();

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  info(): TcpInfo {
    this.looks++;
    const silence = performance.now() - this.silentSince;
    const quiet = { lastDataRecv: silence, lastAckRecv: silence };
    return { state: "ESTABLISHED", rto: 200, sndMss: 1_000, sndWnd: 9_000, ...quiet, ...this.seen };
  }

  getKeepAlive() {
    return { userTimeout: 20_000, detectsWithin: { idle: 20_000, inFlight: 20_400, zeroWindow: 20_200 } };
  }

  end(): void {
    this.#closed.resolve();
  }

  fail(code: "ECONNRESET" | "ETIMEDOUT" | "ECONNABORTED", op: "read" | "abort" = "read") {
    const error = socketError(code, { op });
    rejectQuietly(this.#closed, error);
    return error;
  }

  get connection(): Connection {
    return this as unknown as Connection; // all that a watcher uses
  }
}

/** Timers of this test alone. */
class Bench {
  running = 0;
  readonly #real = { setTimeout, clearTimeout };
  readonly #timers = new Set<unknown>();
  readonly clock: HealthClock;
  unrefed = 0;

  constructor() {
    globalThis.setTimeout = ((run: () => void, wait: number) => {
      const timer = this.#real.setTimeout(() => {
        this.#timers.delete(timer);
        run();
      }, wait);
      this.#timers.add(timer);
      return timer;
    }) as typeof setTimeout;
    globalThis.clearTimeout = ((timer: ReturnType<typeof setTimeout> | undefined) => {
      this.#timers.delete(timer);
      this.#real.clearTimeout(timer);
    }) as typeof clearTimeout;
    this.clock = new HealthClock(() => void this.unrefed++);
  }

  get timers(): number {
    return this.#timers.size;
  }

  watch(connections: unknown, options: WatchHealthOptions = { interval: 10 }): Watch {
    return new Watch(validateWatching(connections, options), this.clock);
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#real.setTimeout(resolve, milliseconds));
  }

  restore(): void {
    Object.assign(globalThis, this.#real);
  }
}

function watching(name: string, run: (bench: Bench) => Promise<void>): void {
  test(`watchHealth: ${name}`, { timeout: 10_000 }, async () => {
    const bench = new Bench();
    try {
      await run(bench);
      assertEquals(bench.timers, 0, "a timer was left");
    } finally {
      bench.restore();
    }
  });
}

/** Probes without an answer, and five seconds of silence. */
function silence(fake: FakeConnection): void {
  fake.seen = { probes: 2 };
  fake.silentSince = performance.now() - 5_000;
}

const RETRANSMITTING = {
  unacked: 1,
  retransmits: 4,
  backoff: 4,
  rto: 3_200,
  lastDataSent: 100,
  lastDataRecv: 9_000,
  lastAckRecv: 9_000,
};

async function eventOf(watch: Watch): Promise<HealthEvent> {
  const { value, done } = await watch.next();
  assert(!done && value !== undefined, "the iteration has ended");
  return value;
}

const ended = { done: true, value: undefined } as const;

watching("nothing runs before the first next, and after return", async (bench) => {
  const fake = new FakeConnection();
  const watch = bench.watch(fake.connection);
  await bench.sleep(30);
  assertEquals([bench.timers, fake.looks], [0, 0]);
  const first = watch.next();
  assertEquals(bench.timers, 1);
  await bench.sleep(50);
  assert(fake.looks > 1 && bench.unrefed > 1, `${fake.looks} looks, ${bench.unrefed} times unrefed`);
  assertEquals(await watch.return(), ended);
  assertEquals([await first, bench.timers], [ended, 0]);
  const { looks } = fake;
  await bench.sleep(30);
  assertEquals([fake.looks, await watch.next()], [looks, ended]);
});

watching("suspect, recovered, dead, and the end", async (bench) => {
  const fake = new FakeConnection();
  const watch = bench.watch(fake.connection);
  const next = eventOf(watch);
  await bench.sleep(30);
  silence(fake);
  const begun = Date.now();
  const suspect = await next;
  assert(suspect.type === "suspect" && suspect.connection === fake.connection);
  assert(Date.now() - begun >= 190, "a probe under way was a suspicion");
  assertEquals(suspect.reason, "probes");
  assert(Math.abs(suspect.givesUpIn! - 14_800) < 500, `gives up in ${suspect.givesUpIn}`);
  assert(Math.abs(begun - suspect.since - 5_000) < 500, `since ${suspect.since}`);
  fake.seen = {};
  const recovered = await eventOf(watch);
  assertEquals(recovered, { ...recovered, type: "recovered", reason: "probes" } as typeof recovered);
  assert("since" in recovered && Math.abs(recovered.since - suspect.since) < 50);
  const dead = eventOf(watch);
  await bench.sleep(20);
  const error = fake.fail("ETIMEDOUT");
  assertEquals(await dead, { type: "dead", connection: fake.connection, error });
  assertEquals(await watch.next(), ended);
});

watching("another reason is told", async (bench) => {
  const fake = new FakeConnection();
  silence(fake);
  const watch = bench.watch(fake.connection);
  const first = await eventOf(watch);
  fake.seen = { ...RETRANSMITTING, probes: 2 };
  const second = await eventOf(watch);
  assert(first.type === "suspect" && second.type === "suspect");
  assertEquals([first.reason, second.reason, second.givesUpIn], ["probes", "retransmits", 17_300]);
  await watch.return();
});

watching("dead at once, and not at the next look", async (bench) => {
  const fake = new FakeConnection();
  const watch = bench.watch(fake.connection, { interval: 60_000 });
  const next = eventOf(watch);
  await bench.sleep(20);
  fake.fail("ECONNRESET");
  assertEquals((await next).type, "dead");
  assertEquals([fake.looks, await watch.next()], [1, ended]);
});

watching("an orderly end and our own abort are no events", async (bench) => {
  for (
    const end of [
      (fake: FakeConnection) => fake.end(),
      (fake: FakeConnection) => fake.fail("ECONNABORTED", "abort"),
    ]
  ) {
    const fake = new FakeConnection();
    const watch = bench.watch(fake.connection);
    const next = watch.next();
    await bench.sleep(20);
    end(fake);
    assertEquals(await next, ended);
  }
});

watching("a connection that was dead or closed before", async (bench) => {
  const [dead, closed] = [new FakeConnection(), new FakeConnection()];
  dead.fail("ECONNRESET");
  closed.end();
  const watch = bench.watch(dead.connection);
  assertEquals([(await eventOf(watch)).type, await watch.next()], ["dead", ended]);
  assertEquals(await bench.watch(closed.connection).next(), ended);
});

watching("a Set is read anew each time, and told of once each", async (bench) => {
  const [one, two, three] = [new FakeConnection(), new FakeConnection(), new FakeConnection()];
  const set = new Set([one.connection, two.connection]);
  const watch = bench.watch(set);
  const next = eventOf(watch);
  await bench.sleep(30);
  set.add(three.connection);
  set.delete(two.connection);
  await bench.sleep(30);
  const { looks } = two;
  assert(three.looks > 0);
  two.fail("ECONNRESET");
  one.fail("ECONNRESET");
  assertEquals((await next).connection, one.connection);
  const later = eventOf(watch);
  // It stays in the set, and is not told again.
  await bench.sleep(50);
  three.fail("ECONNRESET");
  assertEquals((await later).connection, three.connection);
  assertEquals(two.looks, looks);
  set.add(two.connection);
  assertEquals((await eventOf(watch)).connection, two.connection);
  await watch.return();
});

watching("while nobody reads, the newest event of each is kept", async (bench) => {
  const fakes = [new FakeConnection(), new FakeConnection(), new FakeConnection()];
  const watch = bench.watch(new Set(fakes.map(({ connection }) => connection)));
  const first = eventOf(watch);
  for (const fake of fakes) fake.seen = RETRANSMITTING;
  assertEquals((await first).connection, fakes[0].connection);
  await bench.sleep(40);
  for (let i = 0; i < 3; i++) {
    fakes[1].seen = {};
    await bench.sleep(40);
    fakes[1].seen = RETRANSMITTING;
    await bench.sleep(40);
  }
  fakes[1].seen = {};
  await bench.sleep(40);
  fakes[0].fail("ETIMEDOUT");
  await bench.sleep(10);
  const told = [await eventOf(watch), await eventOf(watch), await eventOf(watch)];
  assertEquals(
    told.map(({ type, connection }) => [type, fakes.findIndex((fake) => fake.connection === connection)]),
    [["suspect", 2], ["recovered", 1], ["dead", 0]],
  );
  const more = watch.next();
  await watch.return();
  assertEquals(await more, ended);
});

watching("several readers are served in their order", async (bench) => {
  const fakes = [new FakeConnection(), new FakeConnection()];
  const watch = bench.watch(fakes.map(({ connection }) => connection));
  const readers = [watch.next(), watch.next(), watch.next()];
  await bench.sleep(20);
  for (const fake of fakes) fake.fail("ECONNRESET");
  const [one, two] = await Promise.all(readers.slice(0, 2));
  assertEquals([one.value?.connection, two.value?.connection], fakes.map(({ connection }) => connection));
  await watch.return();
  assertEquals(await readers[2], ended);
});

watching("a signal ends it with its reason, once", async (bench) => {
  const fake = new FakeConnection();
  const controller = new AbortController();
  const watch = bench.watch(fake.connection, { interval: 10, signal: controller.signal });
  const next = watch.next();
  await bench.sleep(20);
  controller.abort("enough");
  assertEquals(await next.catch((reason: unknown) => reason), "enough");
  assertEquals([await watch.next(), bench.timers], [ended, 0]);

  const early = bench.watch(fake.connection, { signal: AbortSignal.abort("early") });
  assertEquals(await early.next().catch((reason: unknown) => reason), "early");
  assertEquals(await early.next(), ended);

  // Nobody waits: nothing is unhandled.
  const silent = new AbortController();
  const idle = bench.watch(fake.connection, { signal: silent.signal });
  fake.seen = RETRANSMITTING;
  await eventOf(idle);
  silent.abort("silent");
  await bench.sleep(10);
  assertEquals(await idle.next().catch((reason: unknown) => reason), "silent");
});

watching("what the iterable throws, or what it gives that is no connection, ends it", async (bench) => {
  let reads = 0;
  const broken = {
    [Symbol.iterator](): Iterator<Connection> {
      // The first time is that of the check.
      if (reads++ > 0) throw new Error("broken");
      return [][Symbol.iterator]();
    },
  };
  await assertRejects(() => bench.watch(broken).next(), Error, "broken");
  const wrong = bench.watch([5]);
  await assertRejects(
    () => wrong.next(),
    TypeError,
    "Cannot use an element of connections = 5: expected a Connection",
  );
  assertEquals(await wrong.next(), ended);
});

watching("an iterable that ends the watching while it is read", async (bench) => {
  const controller = new AbortController();
  const fake = new FakeConnection();
  const odd = {
    *[Symbol.iterator](): Generator<Connection> {
      controller.abort("odd");
      yield fake.connection;
    },
  };
  const watch = bench.watch(odd, { interval: 10, signal: controller.signal });
  assertEquals(await watch.next().catch((reason: unknown) => reason), "odd");
  await bench.sleep(30);
  assertEquals([fake.looks, bench.timers], [0, 0]);
});

watching("one timer for all, and many connections a slice at a time", async (bench) => {
  const fakes = Array.from({ length: 2_000 }, () => new FakeConnection());
  const many = bench.watch(fakes.map(({ connection }) => connection), { interval: 60_000 });
  const few = bench.watch(fakes[0].connection, { interval: 5 });
  void many.next();
  void few.next();
  assertEquals(bench.timers, 1);
  let most = 0;
  let before = 0;
  for (let looks = 0; looks < fakes.length + 10;) {
    await bench.sleep(0);
    looks = fakes.reduce((sum, fake) => sum + fake.looks, 0);
    most = Math.max(most, looks - before);
    before = looks;
    assert(bench.timers <= 1, `${bench.timers} timers`);
  }
  assertEquals(fakes.filter((fake) => fake.looks === 0).length, 0);
  assert(most < 1_500, `${most} looks in one turn`);
  await Promise.all([many.return(), few.return()]);
});

watching(
  "the kernel has given up: no doubt is left that would be looked at again and again",
  async (bench) => {
    const fake = new FakeConnection();
    silence(fake);
    const watch = bench.watch(fake.connection, { interval: 60_000 });
    void watch.next();
    await bench.sleep(50);
    fake.seen = { state: "CLOSE" };
    await bench.sleep(400);
    assert(fake.looks <= 3, `${fake.looks} looks`);
    await watch.return();
  },
);

const WRONG: [unknown, unknown, ErrorConstructor | TypeErrorConstructor | RangeErrorConstructor, string][] = [
  [
    undefined,
    {},
    TypeError,
    "Cannot use connections = undefined: expected a Connection, or an iterable of them",
  ],
  ["text", {}, TypeError, 'Cannot use connections = "text": expected a Connection'],
  [{}, {}, TypeError, "Cannot use connections = an object: expected a Connection"],
  [new Map([[1, 2]]).values(), {}, TypeError, "Cannot use connections = an iterator: expected a Connection"],
  [[], { interval: 0 }, RangeError, "Cannot use interval = 0: expected milliseconds from 1 to 2147483647"],
  [[], { interval: NaN }, RangeError, "Cannot use interval = NaN"],
  [[], { interval: Infinity }, RangeError, "Cannot use interval = Infinity"],
  [[], { interval: "5" }, TypeError, 'Cannot use interval = "5"'],
  [[], { signal: {} }, TypeError, "Cannot use signal = an object: expected an AbortSignal"],
  [[], { intervall: 5 }, TypeError, "Cannot use intervall: unknown option, expected one of interval, signal"],
  [[], null, TypeError, "Cannot use options = null: expected a plain object"],
];

for (const [connections, options, error, message] of WRONG) {
  test(`watchHealth: ${message}`, () => {
    assertThrows(() => validateWatching(connections, options), error, message);
  });
}

test("watchHealth: the interval is 20 s where none is given", () => {
  assertEquals(validateWatching([]).interval, 20_000);
});
