/**
 * The peer has forgotten the connection without our being told: its process
 * was killed and the RST got lost, or its host has started anew. Its kernel
 * answers the next probe with a RST.
 *
 * @module
 */

import { bothSides, type Evidence, type Scenario } from "../cases.ts";
import { neverSuspected, suspected } from "../suspicion.ts";
import { lastArrival } from "../timeline.ts";

const IDLE = 2_000;
const INTERVAL = 1_000;
const keepAlive = { idle: IDLE, interval: INTERVAL, count: 5 };

/** The RST that ends it is the last segment to come: what counts is the last before the cut. */
const lastBeforeTheCut = ({ ours, cutAt }: Evidence) => lastArrival(ours, cutAt);

export const scenario: Scenario = {
  number: 11,
  title: "The peer has forgotten the connection",
  drawn: { name: "host started anew" },
  cases: [
    ...bothSides({
      name: "process killed, its RST is lost",
      keepAlive,
      act: async ({ us, far, wait, cut, router }) => {
        await us("write", { bytes: 100 });
        await far("receive", { bytes: 100 });
        await wait(300);
        await cut((router) => router.dropToUs());
        await far("reset");
        await wait(100);
        await router.pass();
      },
      expect: {
        kind: "death",
        code: "ECONNRESET",
        // The first probe tells.
        within: ({ idle }) => idle!,
        from: lastBeforeTheCut,
        check: neverSuspected,
      },
    }),
    ...bothSides({
      name: "host started anew",
      keepAlive,
      act: async ({ us, far, wait, cut, router }) => {
        await us("write", { bytes: 100 });
        await far("receive", { bytes: 100 });
        await wait(300);
        await cut();
        // Two probes are lost, at 2 and 3 s. Then the host is back, and knows nothing.
        await wait(IDLE + 800);
        await far("reset");
        await wait(100);
        await router.pass();
      },
      expect: {
        kind: "death",
        code: "ECONNRESET",
        within: ({ idle, interval }) => idle! + 2 * interval!,
        from: lastBeforeTheCut,
        check: suspected("probes"),
      },
    }),
  ],
};
