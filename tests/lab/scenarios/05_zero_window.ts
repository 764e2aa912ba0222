/**
 * The peer is alive and does not read: its window is closed, and it answers
 * every probe of it. Only a user timeout ends that.
 *
 * @module
 */

import { bothSides, type Evidence, isWithin, type Scenario } from "../cases.ts";
import { allOf, suspected } from "../suspicion.ts";
import { closeWindow, SMALL_BUFFER, TOO_MUCH, windowClosed, windowProbes } from "../zero_window.ts";

/** Would be over after 3 s. */
const KEEP_ALIVE = { idle: 1_000, interval: 1_000, count: 2 };
const USER_TIMEOUT = 3_000;
const OUTLIVED = 12_000;

export const scenario: Scenario = {
  number: 5,
  title: "The peer is alive, and its window stays closed",
  cases: [
    ...bothSides({
      name: "user timeout 3 s",
      keepAlive: { ...KEEP_ALIVE, userTimeout: USER_TIMEOUT },
      peerReceiveBuffer: SMALL_BUFFER,
      act: async (stage) => {
        await closeWindow(stage);
        await stage.predict();
      },
      expect: {
        kind: "death",
        code: "ETIMEDOUT",
        within: "zeroWindow",
        from: windowClosed,
        check: allOf(isUserTimeout, suspected("zeroWindow")),
      },
    }),
    ...bothSides({
      // Each answered probe starts the count of tcp_retries2 anew.
      name: "no user timeout, tcp_retries2 3: nothing ends it",
      keepAlive: KEEP_ALIVE,
      sysctl: { "net.ipv4.tcp_retries2": 3 },
      peerReceiveBuffer: SMALL_BUFFER,
      act: async (stage) => {
        await closeWindow(stage);
        await stage.wait(OUTLIVED);
        // Not one byte was lost meanwhile.
        stage.note("read at last", await stage.far("receive", { bytes: TOO_MUCH }, 60_000));
      },
      expect: { kind: "life", check: allOf(isAnswered, suspected("zeroWindow")) },
    }),
  ],
};

/** What no formula of the library's may change: it runs from the first probe, whatever is answered. */
function isUserTimeout(run: Evidence): string[] {
  const took = (run.diedAt ?? NaN) - (windowProbes(run)[0]?.at ?? NaN);
  return isWithin(took, USER_TIMEOUT) ? [] : [`it took ${Math.round(took)} ms from the first probe`];
}

function isAnswered({ ours, notes }: Evidence): string[] {
  const zero = ours.filter(({ from, window, icmp }) => from === "peer" && window === 0 && icmp === undefined);
  const { right } = notes["read at last"] as { right?: boolean };
  const lasted = zero.at(-1)!.at - zero[0]!.at;
  return [
    ...zero.length >= 5 && lasted > OUTLIVED / 2
      ? []
      : [`${zero.length} answers in ${Math.round(lasted)} ms`],
    ...right ? [] : ["not the bytes that were written"],
  ];
}
