/** The watcher of connections that no read can tell of: its timer, and what it tells. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Libc } from "../../adapters/shared/libc.ts";
import { type Watched, Watcher } from "../../adapters/shared/watcher.ts";

const POLLERR = 0x8;
const POLLHUP = 0x10;

/** What `poll(2)` finds, by file descriptor; it refuses more entries than `most`. */
class FakePoll {
  readonly found = new Map<number, number>();
  most = 1_000;
  calls: number[] = [];

  readonly libc = {
    poll: (memory: Uint8Array, count: number) => {
      this.calls.push(count);
      if (count > this.most) return -22;
      const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
      let events = 0;
      for (let place = 0; place < count; place++) {
        const found = this.found.get(view.getInt32(place * 8, true)) ?? 0;
        view.setInt16(place * 8 + 6, found, true);
        if (found) events++;
      }
      return events;
    },
  } as unknown as Libc; // all that the watcher calls
}

/** Counts the intervals that run, and how many were let go of. */
async function withTimers(run: (timers: { running: number; unrefed: number; tick: () => void }) => unknown) {
  const real = { setInterval, clearInterval };
  const work = new Map<number, () => void>();
  const timers = {
    get running() {
      return work.size;
    },
    unrefed: 0,
    tick: () => [...work.values()].forEach((one) => one()),
  };
  let last = 0;
  globalThis.setInterval = ((one: () => void) => {
    work.set(++last, one);
    return last;
  }) as unknown as typeof setInterval;
  globalThis.clearInterval = ((timer: number) => void work.delete(timer)) as typeof clearInterval;
  try {
    await run(timers);
  } finally {
    Object.assign(globalThis, real);
  }
}

function socket(fd: number, told: number[]): Watched {
  return { fd, dead: () => void told.push(fd) };
}

test("watcher: there is a timer only while something is watched, one for all, and it is unref'd", () =>
  withTimers((timers) => {
    const watcher = new Watcher(new FakePoll().libc, () => timers.unrefed++);
    const [one, two] = [socket(1, []), socket(2, [])];
    assertEquals(timers.running, 0);
    watcher.watch(one);
    watcher.watch(two);
    watcher.watch(two);
    assertEquals([timers.running, timers.unrefed], [1, 1]);
    watcher.unwatch(one);
    assertEquals(timers.running, 1);
    watcher.unwatch(two);
    watcher.unwatch(two);
    assertEquals(timers.running, 0);
    watcher.watch(one);
    assertEquals([timers.running, timers.unrefed], [1, 2]);
    watcher.unwatch(one);
    assertEquals(timers.running, 0);
  }));

test("watcher: the dead are told once and not watched any more; who only hangs up is not dead", () =>
  withTimers((timers) => {
    const poll = new FakePoll();
    const watcher = new Watcher(poll.libc, () => {});
    const told: number[] = [];
    for (let fd = 1; fd <= 5; fd++) watcher.watch(socket(fd, told));
    timers.tick();
    assertEquals([told, timers.running], [[], 1]);
    poll.found.set(2, POLLERR | POLLHUP).set(4, POLLHUP).set(5, POLLERR);
    timers.tick();
    timers.tick();
    assertEquals(told.toSorted(), [2, 5]);
    poll.found.set(1, POLLERR).set(3, POLLERR).set(4, POLLERR);
    timers.tick();
    assertEquals([told.toSorted(), timers.running], [[1, 2, 3, 4, 5], 0]);
  }));

test("watcher: 2,500 are asked a part at a time, and in smaller parts where the system refuses", () =>
  withTimers((timers) => {
    const poll = new FakePoll();
    const watcher = new Watcher(poll.libc, () => {});
    const told: number[] = [];
    for (let fd = 1; fd <= 2_500; fd++) watcher.watch(socket(fd, told));
    timers.tick();
    assertEquals(poll.calls, [1_000, 1_000, 500]);
    poll.calls = [];
    poll.most = 300;
    poll.found.set(1, POLLERR).set(2_500, POLLERR);
    timers.tick();
    assertEquals(told.toSorted((a, b) => a - b), [1, 2_500]);
    assertEquals(poll.calls.slice(0, 3), [1_000, 500, 250]);
    assertEquals(poll.calls.slice(2).every((count) => count <= 250), true);
  }));

test("watcher: one that is told may end the watching of others", () =>
  withTimers((timers) => {
    const poll = new FakePoll();
    const watcher = new Watcher(poll.libc, () => {});
    const told: number[] = [];
    const other = socket(2, told);
    watcher.watch({
      fd: 1,
      dead: () => {
        told.push(1);
        watcher.unwatch(other);
      },
    });
    watcher.watch(other);
    poll.found.set(1, POLLERR).set(2, POLLERR);
    timers.tick();
    assertEquals([told, timers.running], [[1], 0]);
  }));
