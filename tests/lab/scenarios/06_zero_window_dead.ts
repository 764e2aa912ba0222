/**
 * The peer does not read, and then it vanishes with its window closed.
 *
 * @module
 */

import { bothSides, type Evidence, type Scenario } from "../cases.ts";
import { closeWindow, SMALL_BUFFER, windowClosed, windowProbes } from "../zero_window.ts";

/** Would be over after 3 s. */
const KEEP_ALIVE = { idle: 1_000, interval: 1_000, count: 2 };
const USER_TIMEOUT = 4_000;
/** Until the probes of a closed window are as far apart as they can be with `tcp_retries2` 3: 200, 400, 800 and 1,600 ms. */
const BACKED_OFF = 5_000;
const OUTLIVED = 12_000;

export const scenario: Scenario = {
  number: 6,
  title: "The peer's window is closed, and it vanishes",
  cases: [
    ...bothSides({
      name: "user timeout 4 s",
      keepAlive: { ...KEEP_ALIVE, userTimeout: USER_TIMEOUT },
      peerReceiveBuffer: SMALL_BUFFER,
      act: async (stage) => {
        await closeWindow(stage);
        await stage.cut();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "zeroWindow", from: windowClosed },
    }),
    ...bothSides({
      name: "no user timeout: keepalive is outlived",
      keepAlive: KEEP_ALIVE,
      peerReceiveBuffer: SMALL_BUFFER,
      act: async (stage) => {
        await closeWindow(stage);
        await stage.cut();
        await stage.wait(OUTLIVED);
      },
      expect: { kind: "life", check: saysHalfAnHour },
    }),
    ...bothSides({
      name: "no user timeout, tcp_retries2 3",
      keepAlive: KEEP_ALIVE,
      sysctl: { "net.ipv4.tcp_retries2": 3 },
      peerReceiveBuffer: SMALL_BUFFER,
      act: async (stage) => {
        await closeWindow(stage);
        await stage.wait(BACKED_OFF);
        await stage.cut();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "zeroWindow", check: threeUnanswered },
    }),
  ],
};

function saysHalfAnHour(run: Evidence): string[] {
  const { zeroWindow } = run.status!.detectsWithin;
  const unanswered = windowProbes(run).filter(({ at }) => at > run.cutAt!).length;
  return [
    ...zeroWindow === 16 * 120_000 ? [] : [`zeroWindow is ${zeroWindow}`],
    ...unanswered >= 2 ? [] : [`${unanswered} unanswered probes`],
  ];
}

function threeUnanswered(run: Evidence): string[] {
  const count = windowProbes(run).filter(({ at }) => at > run.cutAt!).length;
  return count === 3 ? [] : [`${count} unanswered probes, not 3`];
}
