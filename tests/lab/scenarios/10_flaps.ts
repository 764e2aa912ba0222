/**
 * The path fails for less than the detection time, and again: no false death,
 * and no byte lost. Data in flight is tried again at times that double, and
 * not once more when the user timeout is over: the path has to be back for one
 * of them, which the last case shows.
 *
 * @module
 */

import { bothSides, type Evidence, type Scenario } from "../cases.ts";
import type { Stage } from "../stage.ts";
import { eventsOf } from "../timeline.ts";

const CHUNK = 8_192;
const CHUNKS = 400;
const EVERY = 60;
const FLAPS = 3;
const BACK = 4_000;

export const scenario: Scenario = {
  number: 10,
  title: "The path fails for less than the detection time",
  cases: [
    ...bothSides({
      name: "data both ways, 3 x 2 s",
      keepAlive: { idle: 2_000, interval: 1_000, count: 3, userTimeout: 12_000 },
      act: async (stage) => {
        const { us, far, note } = stage;
        const bytes = CHUNK * CHUNKS;
        await stage.predict();
        const [got, had] = await Promise.all([
          far("receive", { bytes }, 120_000),
          us("read", { bytes }, 120_000),
          flap(stage, 2_000),
          flow(stage),
        ]);
        if (got.bytes !== bytes || !got.right) throw new Error(`the peer got ${JSON.stringify(got)}`);
        if (had.count !== bytes || !had.right) throw new Error(`we got ${JSON.stringify(had)}`);
        note("bytes each way, all of them right", bytes);
      },
      expect: { kind: "life", check: dropped("retransmit") },
    }),
    {
      name: "idle, 3 x 4 s",
      side: "connect",
      // 9 s: the path is away for longer than the idle time, and for shorter than the whole.
      keepAlive: { idle: 1_000, interval: 1_000, count: 8 },
      act: async (stage) => {
        await stage.predict();
        await flap(stage, 4_000);
        const [got] = await Promise.all([
          stage.far("receive", { bytes: 5_000 }),
          stage.us("write", { bytes: 5_000 }),
        ]);
        if (got.bytes !== 5_000 || !got.right) throw new Error(`the peer got ${JSON.stringify(got)}`);
      },
      expect: { kind: "life", check: dropped("probe") },
    },
    {
      name: "a write, back after 5 s of 6 s",
      side: "connect",
      keepAlive: { idle: 2_000, interval: 1_000, count: 3, userTimeout: 6_000 },
      act: async ({ us, wait, cut, router }) => {
        await wait(300);
        await cut();
        // Sent again after 0.2, 0.4, 0.8, 1.6 and 3.2 s; next would be 6.4 s.
        await us("write", { bytes: 100 });
        await wait(4_700);
        await router.pass();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "inFlight", from: "first sent" },
    },
  ],
};

/** Away for so long, then back for long enough that what waits is sent again. */
async function flap({ router, wait }: Stage, away: number): Promise<void> {
  for (let turn = 0; turn < FLAPS; turn++) {
    await wait(1_000);
    await router.dropBoth();
    await wait(away);
    await router.pass();
    await wait(BACK);
  }
}

/** A chunk each way at a time, so that something is always under way. */
async function flow({ us, far, wait }: Stage): Promise<void> {
  for (let turn = 0; turn < CHUNKS; turn++) {
    await Promise.all([
      us("write", { bytes: CHUNK }, 30_000),
      far("send", { bytes: CHUNK }, 30_000),
      wait(EVERY),
    ]);
  }
}

/** The path was really away: segments were dropped, and those of one kind more than once. */
function dropped(kind: "retransmit" | "probe"): (run: Evidence) => string[] {
  return ({ ours, theirs, notes }) => {
    const lost = eventsOf(ours, theirs, ours[0].at).filter(({ from, delivered }) =>
      from === "us" && !delivered
    );
    const of = lost.filter((event) => event.kind === kind);
    notes["of our segments dropped"] = lost.length;
    return of.length >= FLAPS ? [] : [`${of.length} x ${kind} was dropped in ${FLAPS} turns`];
  };
}
