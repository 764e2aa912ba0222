/**
 * Data in flight, the peer vanishes. Keepalive is suspended then: only a user
 * timeout, or `net.ipv4.tcp_retries2`, ends it.
 *
 * @module
 */

import { alsoOverTls, bothSides, type Death, type Evidence, isWithin, type Scenario } from "../cases.ts";
import type { Stage } from "../stage.ts";
import { allOf, suspected } from "../suspicion.ts";

/** Would be over after 4 s. */
const KEEP_ALIVE = { idle: 2_000, interval: 1_000, count: 2 };
const USER_TIMEOUT = 3_000;
/** Three times what keepalive takes. */
const OUTLIVED = 12_000;

export const scenario: Scenario = {
  number: 4,
  title: "Data in flight, the peer vanishes",
  cases: [
    ...alsoOverTls(bothSides({
      name: "user timeout 3 s",
      keepAlive: { ...KEEP_ALIVE, userTimeout: USER_TIMEOUT },
      act: writeInto,
      expect: dies(isUserTimeout),
    })),
    {
      name: "user timeout 3 s, keepalive off",
      side: "connect",
      keepAlive: { enabled: false, userTimeout: USER_TIMEOUT },
      act: writeInto,
      expect: dies(isUserTimeout),
    },
    {
      // What is written later does not start the clock again.
      name: "user timeout 3 s, writing goes on",
      side: "connect",
      keepAlive: { ...KEEP_ALIVE, userTimeout: USER_TIMEOUT },
      act: async (stage) => {
        await begin(stage);
        await stage.cut();
        for (let count = 0; count < 12; count++) {
          await stage.us("hold", { what: "write", bytes: 100 });
          await stage.wait(120);
        }
      },
      expect: dies(isUserTimeout),
    },
    ...alsoOverTls([{
      name: "user timeout 3 s, a write is pending",
      side: "connect",
      keepAlive: { ...KEEP_ALIVE, userTimeout: USER_TIMEOUT },
      act: async (stage) => {
        await begin(stage);
        await stage.cut();
        await stage.us("hold", { what: "write", bytes: 500_000 });
      },
      expect: dies(isUserTimeout),
    }]),
    ...bothSides({
      name: "no user timeout: keepalive is outlived",
      keepAlive: KEEP_ALIVE,
      act: async (stage) => {
        await begin(stage);
        await stage.cut();
        await stage.us("write", { bytes: 1_000 });
        await stage.wait(OUTLIVED);
      },
      expect: { kind: "life", check: allOf(saysMinutes, suspected("retransmits")) },
    }),
    ...bothSides({
      name: "no user timeout, tcp_retries2 5",
      keepAlive: KEEP_ALIVE,
      sysctl: { "net.ipv4.tcp_retries2": 5 },
      act: writeInto,
      // 12.6 s by tcp(7)'s rule from the first retransmission, and the one that is due then.
      expect: dies(retransmits),
    }),
  ],
};

/** The path is cut, and then something is written. */
async function writeInto(stage: Stage): Promise<void> {
  await begin(stage);
  await stage.cut();
  await stage.us("write", { bytes: 1_000 });
}

/** Given up because of what is in flight, and suspected before. */
function dies(check: (run: Evidence) => string[]): Death {
  return {
    kind: "death",
    code: "ETIMEDOUT",
    within: "inFlight",
    from: "first sent",
    check: allOf(check, suspected("retransmits")),
  };
}

/** Something has gone each way, so that the kernel has measured the round trip. */
async function begin({ us, far, wait }: Stage): Promise<void> {
  await us("write", { bytes: 100 });
  await far("receive", { bytes: 100 });
  await far("send", { bytes: 50 });
  await us("read", { bytes: 50 });
  await wait(300);
}

/** What no formula of the library's may change: the user timeout runs from the first retransmission. */
function isUserTimeout(run: Evidence): string[] {
  const { first, all } = retransmissions(run);
  const took = (run.diedAt ?? NaN) - (all[0] ?? NaN);
  const wrong = isWithin(took, USER_TIMEOUT)
    ? []
    : [`it took ${Math.round(took)} ms from the first retransmission`];
  if (first === undefined) wrong.push("nothing was in flight");
  return wrong;
}

function saysMinutes(run: Evidence): string[] {
  const { inFlight = NaN } = run.status!.detectsWithin;
  // The 924.6 s of tcp(7), at most one timer of 120 s more, and the first retransmission.
  const right = inFlight >= 924_600 && inFlight <= 1_050_000;
  return [...right ? [] : [`inFlight is ${inFlight}`], ...retransmits(run)];
}

/** Each twice as long after the one before, and no keepalive probe. */
function retransmits(run: Evidence): string[] {
  const { all, probes } = retransmissions(run);
  const wrong = probes > 0 ? [`${probes} keepalive probes`] : [];
  const gaps = all.slice(1).map((at, index) => at - all[index]);
  // Timers are late, never early: the shortest tells the timeout. The first of all is a tail loss probe.
  const rto = Math.min(...gaps.map((gap, index) => gap / 2 ** index));
  if (all.length < 4 || rto < 190 || !gaps.every((gap, index) => isWithin(gap, rto * 2 ** index))) {
    wrong.push(`retransmissions ${gaps.map(Math.round).join(", ")} ms apart`);
  }
  return wrong;
}

/** Of the oldest segment with data that was never acknowledged; and keepalive probes after it. */
function retransmissions({ ours, cutAt = 0 }: Evidence): { first?: number; all: number[]; probes: number } {
  const sent = ours.filter(({ from, at, flags }) => from === "us" && at >= cutAt - 5 && !flags.includes("R"));
  const data = sent.filter(({ bytes }) => bytes > 1);
  const first = data[0];
  const again = data.slice(1).filter(({ seq }) => seq === first?.seq).map(({ at }) => at);
  const probes = sent.filter(({ bytes, at }) => bytes <= 1 && at > (first?.at ?? 0)).length;
  return { first: first?.at, all: again, probes };
}
