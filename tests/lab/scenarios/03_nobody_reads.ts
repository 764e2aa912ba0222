/**
 * Nobody reads, and the peer vanishes: `closed` tells all the same, and what
 * was received before is delivered.
 *
 * @module
 */

import { alsoOverTls, bothSides, type LabCase, type Scenario } from "../cases.ts";

export const scenario: Scenario = {
  number: 3,
  title: "Nobody reads, the peer vanishes",
  cases: alsoOverTls([
    ...unread("nothing buffered", 0),
    ...unread("1 kB unread", 1_000),
    ...unread("read-ahead full", 100_000),
    ...unread("a small read-ahead full", 20_000, { readAhead: 4_096 }),
  ]),
};

function unread(name: string, bytes: number, options: LabCase["options"] = {}): LabCase[] {
  return bothSides({
    name,
    keepAlive: { idle: 2_000, interval: 1_000, count: 2 },
    options,
    act: async ({ far, wait, cut }) => {
      if (bytes > 0) await far("send", { bytes });
      // It arrives, and reads of the runtime's own have come to their end.
      await wait(800);
      await cut();
    },
    expect: { kind: "death", code: "ETIMEDOUT", within: "idle", unread: bytes },
  });
}
