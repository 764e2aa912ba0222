/**
 * One direction is closed, and the peer vanishes: keepalive goes on in both
 * states (CLOSE_WAIT and FIN_WAIT2, net/ipv4/tcp_timer.c).
 *
 * @module
 */

import { bothSides, type LabCase, type Scenario } from "../cases.ts";

const HALF_OPEN: Pick<LabCase, "keepAlive" | "options"> = {
  keepAlive: { idle: 2_000, interval: 1_000, count: 2 },
  options: { allowHalfOpen: true },
};

/** Keepalive is suspended while data or a FIN is in flight. */
const IN_FLIGHT: Pick<LabCase, "keepAlive" | "options"> = {
  keepAlive: { idle: 2_000, interval: 1_000, count: 2, userTimeout: 3_000 },
  options: { allowHalfOpen: true },
};

export const scenario: Scenario = {
  number: 13,
  title: "Half-closed, the peer vanishes",
  cases: [
    ...bothSides({
      name: "their FIN read, we go on sending",
      ...HALF_OPEN,
      act: async ({ us, far, wait, cut }) => {
        await far("send", { bytes: 100 });
        await far("fin");
        await us("read");
        await us("write", { bytes: 100 });
        await far("receive", { bytes: 100 });
        await wait(300);
        await cut();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle", finRead: true },
    }),
    ...bothSides({
      name: "our FIN sent, we go on reading",
      ...HALF_OPEN,
      act: async ({ us, far, wait, cut }) => {
        await us("write", { bytes: 100 });
        await us("closeWrite");
        await far("receive");
        await far("send", { bytes: 100 });
        await us("read", { bytes: 100 });
        await wait(300);
        await cut();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle" },
    }),
    ...bothSides({
      name: "our FIN sent, a read is pending",
      ...HALF_OPEN,
      act: async ({ us, far, wait, cut }) => {
        await us("closeWrite");
        await far("receive");
        await us("hold", { what: "read" });
        await wait(300);
        await cut();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle" },
    }),
    ...bothSides({
      name: "their FIN unread behind 1 kB",
      ...HALF_OPEN,
      act: async ({ far, wait, cut }) => {
        await far("send", { bytes: 1_000 });
        await far("fin");
        await wait(800);
        await cut();
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle", unread: 1_000 },
    }),
    ...bothSides({
      name: "their FIN read, data of ours in flight, user timeout 3 s",
      ...IN_FLIGHT,
      act: async ({ us, far, wait, cut }) => {
        await far("fin");
        await us("read");
        await wait(300);
        await cut();
        await us("write", { bytes: 100 });
      },
      expect: {
        kind: "death",
        code: "ETIMEDOUT",
        within: "inFlight",
        from: "first sent",
        finRead: true,
      },
    }),
    ...bothSides({
      name: "our FIN in flight, user timeout 3 s",
      ...IN_FLIGHT,
      act: async ({ us, wait, cut }) => {
        await wait(300);
        await cut();
        await us("closeWrite");
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "inFlight", from: "first sent" },
    }),
  ],
};
