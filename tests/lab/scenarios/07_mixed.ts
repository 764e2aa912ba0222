/**
 * User timeout and keepalive mixed: idle 1 s, interval 4 s, user timeout 6 s.
 * Probes fall due at 1 and 5 s; the one at 9 s is the first that finds 6 s
 * over. The worst case is 10 s: when the peer's last word comes after an
 * answered probe, the timer of that one goes on.
 *
 * @module
 */

import { bothSides, type Evidence, isWithin, type Scenario } from "../cases.ts";
import type { Stage } from "../stage.ts";
import { lastArrival } from "../timeline.ts";

/** What no formula of the library's may change: written out. */
const DIES_AFTER = 9_000;
/** So that no probe goes out before the case says so. */
const LATER = { idle: 60_000 };
const KEEP_ALIVE = { idle: 1_000, interval: 4_000, count: 3, userTimeout: 6_000 };

export const scenario: Scenario = {
  number: 7,
  title: "User timeout between two probes, the peer vanishes",
  cases: [
    ...bothSides({
      name: "idle 1 s, interval 4 s, count 3, user timeout 6 s",
      keepAlive: LATER,
      setLater: KEEP_ALIVE,
      act: async (stage) => {
        await lastWord(stage);
        await stage.cut();
        // Starts the kernel's timer: net/ipv4/tcp.c, tcp_sock_set_keepidle_locked.
        await stage.us("setKeepAlive", { options: KEEP_ALIVE });
        await stage.predict();
      },
      spoiled: (run) => firstProbeAt(run, [1_000, 1_100]),
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle", check: diesAfterNineSeconds },
    }),
    ...bothSides({
      // The timer runs on after an answered probe: the next fall due 1.6, 5.6 and 9.6 s after the peer's last word.
      name: "the same, its last word between two probes",
      keepAlive: LATER,
      setLater: KEEP_ALIVE,
      act: async (stage) => {
        await stage.us("setKeepAlive", { options: KEEP_ALIVE });
        const answered = await firstAnswer(stage);
        await stage.wait(answered + 2_400 - Date.now());
        await lastWord(stage);
        await stage.cut();
      },
      spoiled: (run) => firstProbeAt(run, [1_100, 1_950]),
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle" },
    }),
  ],
};

/** A byte of the peer's, read. */
async function lastWord({ far, us }: Stage): Promise<void> {
  await far("send", { bytes: 1 });
  await us("read", { bytes: 1 });
}

/** When our first probe was answered. */
async function firstAnswer({ captures: [ours], wait, us }: Stage): Promise<number> {
  const begun = (await us("getKeepAlive")).at as number;
  for (;;) {
    const probe = ours.segments().find(({ from, at }) => from === "us" && at > begun);
    const answer = probe && ours.segments().find(({ from, at }) => from === "peer" && at > probe.at);
    if (answer) return answer.at;
    await wait(50);
  }
}

/** Whether the first probe that nobody answered fell due in time after the peer's last word: all else follows from it. */
function firstProbeAt({ ours, diedAt }: Evidence, [from, to]: [number, number]): string | undefined {
  const heard = lastArrival(ours, diedAt)!;
  // Our acknowledgement of that word comes at once, or 40 ms later.
  const probe = ours.find(({ from, at }) => from === "us" && at > heard + 500);
  const after = probe === undefined ? NaN : probe.at - heard;
  return after >= from && after <= to
    ? undefined
    : `the first probe came ${Math.round(after)} ms after the peer's last word`;
}

function diesAfterNineSeconds({ ours, diedAt }: Evidence): string[] {
  const took = diedAt === undefined ? NaN : diedAt - lastArrival(ours, diedAt)!;
  return isWithin(took, DIES_AFTER) ? [] : [`it took ${Math.round(took)} ms, not ${DIES_AFTER}`];
}
