/**
 * Idle, with a user timeout: it takes the place of the probe count, and death
 * waits for the next probe (tcp(7), TCP_USER_TIMEOUT). It is set above, equal
 * to and below idle + interval x count.
 *
 * @module
 */

import { bothSides, type LabCase, type Scenario } from "../cases.ts";

/** Without a user timeout: 4 s. */
const TIMES = { idle: 2_000, interval: 1_000, count: 2 };

export const scenario: Scenario = {
  number: 2,
  title: "Idle with a user timeout, the peer vanishes",
  cases: [
    ...idle("user timeout 6 s, above 4 s", 6_000),
    ...idle("user timeout 4 s, equal to 4 s", 4_000),
    ...idle("user timeout 3 s, below 4 s", 3_000),
    // One probe at least must be unanswered.
    ...idle("user timeout 0.5 s, below the idle time", 500),
  ],
};

function idle(name: string, userTimeout: number): LabCase[] {
  return bothSides({
    name,
    keepAlive: { ...TIMES, userTimeout },
    act: async ({ wait, cut }) => {
      await wait(300);
      await cut();
    },
    expect: { kind: "death", code: "ETIMEDOUT", within: "idle" },
  });
}
