/**
 * Idle, the peer vanishes: keepalive's own case. The capture must show the
 * probes at the times that were set.
 *
 * This file is the pattern for the others: export `scenario`, with cases that
 * are data (`LabCase` in `cases.ts` says what each field means) and an `act`
 * of verbs (`Stage` in `stage.ts` has them: `us`, `far`, `router`, `wait`,
 * `predict`, `cut`, `note`). Every case runs on every runtime; when `act` is
 * over the lab waits for what `expect` says, and judges it.
 *
 * @module
 */

import { alsoOverTls, bothSides, type Evidence, type Scenario } from "../cases.ts";
import { allOf, suspected } from "../suspicion.ts";

const IDLE = 2_000;
const INTERVAL = 1_000;
const COUNT = 3;

export const scenario: Scenario = {
  number: 1,
  title: "Idle, the peer vanishes",
  cases: alsoOverTls([
    ...bothSides({
      name: "idle, nobody reads",
      keepAlive: { idle: IDLE, interval: INTERVAL, count: COUNT },
      act: async ({ us, far, wait, cut }) => {
        await wait(300);
        // Something has gone each way, so that the connection is one in the middle of its life; and just now, so that
        // no probe is on its way when the path is cut.
        await us("write", { bytes: 100 });
        await far("receive", { bytes: 100 });
        await far("send", { bytes: 50 });
        await us("read", { bytes: 50 });
        await cut();
      },
      expect: {
        kind: "death",
        code: "ETIMEDOUT",
        within: "idle",
        check: allOf(probesAtTheirTimes, suspected("probes")),
      },
    }),
    {
      name: "idle, a read is pending",
      side: "connect",
      keepAlive: { idle: IDLE, interval: INTERVAL, count: COUNT },
      act: async ({ us, far, wait, cut }) => {
        await wait(300);
        await far("send", { bytes: 1 });
        await us("read", { bytes: 1 });
        await us("hold", { what: "read" });
        await cut();
      },
      expect: {
        kind: "death",
        code: "ETIMEDOUT",
        within: "idle",
        check: allOf(probesAtTheirTimes, suspected("probes")),
      },
    },
  ]),
};

/** After the idle time, then an interval apart, as many as were set; timers of the kernel may be 10 % off. */
function probesAtTheirTimes({ ours }: Evidence): string[] {
  const heard = ours.findLast(({ from }) => from === "peer")!.at;
  // Our acknowledgement of that comes at once, or 40 ms later.
  const probes = ours.filter(({ from, at, flags }) =>
    from === "us" && at > heard + 500 && !flags.includes("R")
  );
  const due = Array.from({ length: COUNT }, (_, index) => IDLE + index * INTERVAL);
  const found = probes.map(({ at }) => Math.round(at - heard));
  const right = found.length === due.length &&
    found.every((at, index) => Math.abs(at - due[index]) <= 0.1 * due[index]);
  return right ? [] : [`probes at ${found.join(", ")} ms, due at ${due.join(", ")} ms`];
}
