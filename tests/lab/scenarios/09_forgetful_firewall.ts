/**
 * A firewall that forgets: it keeps flows in mind, drops those it does not
 * know, and forgets one after 4 s of silence. Keepalive with an idle time
 * below that keeps the flow known; nothing else does.
 *
 * @module
 */

import { bothSides, type Evidence, type LabCase, type Scenario } from "../cases.ts";
import { eventsOf } from "../timeline.ts";

const FORGETS = 4;
const IDLE = 2_000;
const SILENCE = 30_000;

const common: Pick<LabCase, "needs" | "before"> = {
  needs: ["conntrack"],
  before: (router) => router.forgetful(FORGETS),
};

export const scenario: Scenario = {
  number: 9,
  title: "A firewall forgets silent connections",
  cases: [
    ...bothSides({
      ...common,
      name: "idle 2 s, data after 30 s",
      keepAlive: { idle: IDLE, interval: 1_000, count: 3 },
      act: async ({ us, far, wait, note }) => {
        await wait(SILENCE);
        const [there] = await Promise.all([far("receive", { bytes: 5_000 }), us("write", { bytes: 5_000 })]);
        await far("send", { bytes: 7_000 });
        const here = await us("read", { bytes: 7_000 });
        if (there.bytes !== 5_000 || !there.right) throw new Error(`the peer got ${JSON.stringify(there)}`);
        if (here.count !== 7_000 || !here.right) throw new Error(`we got ${JSON.stringify(here)}`);
        note("bytes each way after 30 s", "5000, 7000");
      },
      expect: { kind: "life", check: probesKeepItKnown },
    }),
    ...bothSides({
      ...common,
      name: "no keepalive, a write after 6 s",
      keepAlive: { enabled: false, userTimeout: 3_000 },
      act: async ({ us, wait, predict }) => {
        await wait(6_000);
        await predict();
        // The kernel takes it: nobody knows yet.
        await us("write", { bytes: 100 });
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "inFlight", from: "first sent" },
    }),
    {
      ...common,
      name: "idle 6 s: too late",
      side: "connect",
      keepAlive: { idle: 6_000, interval: 1_000, count: 2 },
      act: async ({ predict }) => {
        await predict();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle" },
    },
  ],
};

/** The idle time after the last segment received, each answered; the kernel's timers may be 10 % off. */
function probesKeepItKnown({ ours, theirs, notes }: Evidence): string[] {
  const events = eventsOf(ours, theirs, ours[0].at);
  const quiet = events.filter(({ at }) => at < SILENCE);
  const probes = quiet.filter(({ from, kind }) => from === "us" && kind === "probe");
  const gaps = probes.map(({ at }) =>
    at - quiet.findLast((event) => event.from === "peer" && event.delivered && event.at < at)!.at
  );
  notes["probes in 30 s"] = probes.length;
  notes["sent after silence of, ms"] = `${Math.round(Math.min(...gaps))} to ${Math.round(Math.max(...gaps))}`;
  const wrong = gaps.filter((gap) => gap < 0.9 * IDLE || gap > 1.1 * IDLE)
    .map((gap) => `a probe after ${gap} ms of silence, due at ${IDLE} ms`);
  if (probes.length < 0.8 * SILENCE / IDLE) wrong.push(`${probes.length} probes in ${SILENCE} ms`);
  // What comes later is judged by its bytes: one capture may end before the other has seen the last segment.
  for (const { kind, at } of quiet.filter(({ delivered }) => !delivered)) {
    wrong.push(`${kind} at ${at} ms was dropped`);
  }
  return wrong;
}
