/**
 * Busy and healthy for a minute: nobody is suspected, and nobody dies.
 *
 * @module
 */

import { bothSides, type Scenario } from "../cases.ts";
import { neverSuspected } from "../suspicion.ts";
import type { Stage } from "../stage.ts";

const MINUTE = 60_000;
/** Of bytes each way, time after time. */
const CHUNK = 200_000;

/** Bytes both ways for a minute, and now and then a pause of so many milliseconds, in which probes get their answers. */
async function traffic({ us, far, wait, note }: Stage, pause = 200): Promise<void> {
  const until = Date.now() + MINUTE;
  let rounds = 0;
  while (Date.now() < until) {
    await Promise.all([
      us("write", { bytes: CHUNK }, 60_000),
      far("receive", { bytes: CHUNK }, 60_000),
      far("send", { bytes: CHUNK }, 60_000),
      us("read", { bytes: CHUNK }, 60_000),
    ]);
    await wait(++rounds % 20 === 0 ? pause : 200);
  }
  note("megabytes each way", Math.round(rounds * CHUNK / 1e6));
}

const keepAlive = { idle: 1_000, interval: 1_000, count: 3, userTimeout: 4_000 };

export const scenario: Scenario = {
  number: 15,
  title: "Busy and healthy",
  cases: [
    ...bothSides({
      name: "busy",
      keepAlive,
      health: { interval: 50 },
      act: (stage) => traffic(stage, 3_000),
      expect: { kind: "life", check: neverSuspected },
    }),
    {
      name: "busy, 1 % of the packets are lost",
      side: "connect",
      keepAlive,
      health: { interval: 50 },
      before: (router) => router.rules(["numgen random mod 100 == 0 drop"]),
      // Without pauses: a keepalive probe that is lost is a reason for suspicion.
      act: (stage) => traffic(stage),
      expect: { kind: "life", check: neverSuspected },
    },
  ],
};
