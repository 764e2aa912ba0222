/** The judgement of a connection's health, by rows: what the kernel showed, and what follows. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { givesUpIn, judge, type Pulse, WELL } from "../../core/health/judge.ts";
import { emptyVitals, type Vitals } from "../../core/health/vitals.ts";
import type { Suspicion } from "../../core/types.ts";

/** A healthy connection on which nothing happens, with a round trip of nothing. */
const IDLE: Partial<Vitals> = { state: "ESTABLISHED", rto: 201, sndMss: 1448, sndWnd: 65_536 };

/** At a time: what is seen, and what is thought of it then: `-` well, `?` in doubt, else the suspicion. */
type Look = [now: number, seen: Partial<Vitals>, verdict: Suspicion | "-" | "?"];

function verdictOf({ trouble, sure }: Pulse): Suspicion | "-" | "?" {
  return trouble === undefined ? "-" : sure ? trouble : "?";
}

function vitalsOf(seen: Partial<Vitals>): Vitals {
  return { ...emptyVitals(), ...IDLE, ...seen };
}

const BUSY: Partial<Vitals> = { unacked: 30, notsentBytes: 100_000, silence: 3 };
const CLOSED: Partial<Vitals> = { notsentBytes: 9_000, sndWnd: 0 };

const ROWS: Record<string, Look[]> = {
  "idle, and nothing happens": [[0, { silence: 0 }, "-"], [5_000, { silence: 5_000 }, "-"], [9e7, {
    silence: 9e7,
  }, "-"]],
  "busy": [[0, BUSY, "-"], [5_000, BUSY, "-"], [10_000, { ...BUSY, backoff: 0 }, "-"]],
  "a probe that was sent just now, and is answered": [
    [1_000, { probes: 1, silence: 1_000 }, "?"],
    [1_201, { probes: 0, silence: 190 }, "-"],
  ],
  "a probe is answered, and the next one is under way at the next look": [
    [1_000, { probes: 1, silence: 1_000 }, "?"],
    [2_020, { probes: 1, silence: 1_010 }, "?"],
    [3_040, { probes: 1, silence: 1_010 }, "?"],
  ],
  "a probe without an answer": [
    [1_000, { probes: 1, silence: 1_000 }, "?"],
    [1_100, { probes: 1, silence: 1_100 }, "?"],
    [1_201, { probes: 1, silence: 1_201 }, "probes"],
    [2_500, { probes: 2, silence: 2_500 }, "probes"],
  ],
  "a probe without an answer, on a slow path": [
    [1_000, { probes: 1, silence: 1_000, rto: 2_000 }, "?"],
    [2_500, { probes: 2, silence: 2_500, rto: 2_000 }, "?"],
    [3_000, { probes: 2, silence: 3_000, rto: 2_000 }, "probes"],
  ],
  "probes, then an answer": [
    [2_000, { probes: 2, silence: 2_000 }, "?"],
    [2_201, { probes: 2, silence: 2_201 }, "probes"],
    [7_000, { probes: 0, silence: 100 }, "-"],
  ],
  "probes, then something is written: the silence goes on": [
    [2_000, { probes: 2, silence: 2_000 }, "?"],
    [2_300, { probes: 2, silence: 2_300 }, "probes"],
    [2_400, { probes: 2, unacked: 1, silence: 2_400 }, "probes"],
    [3_000, {
      probes: 2,
      unacked: 1,
      silence: 3_000,
      retransmits: 1,
      backoff: 1,
      rto: 402,
      lastDataSent: 400,
    }, "probes"],
    [4_000, {
      probes: 2,
      unacked: 1,
      silence: 4_000,
      retransmits: 3,
      backoff: 3,
      rto: 1_608,
      lastDataSent: 200,
    }, "retransmits"],
    [5_000, { probes: 0, silence: 10 }, "-"],
  ],
  "a loss that one retransmission mends": [
    [1_000, { ...BUSY, retransmits: 1, backoff: 1, rto: 402, lastDataSent: 10 }, "?"],
    [1_200, BUSY, "-"],
  ],
  "two losses in a row, within a second": [
    [1_000, { ...BUSY, retransmits: 2, backoff: 2, rto: 804, lastDataSent: 10 }, "?"],
    [1_200, BUSY, "-"],
  ],
  "a slow path loses one: it is not yet in vain": [
    [5_000, { unacked: 3, retransmits: 1, backoff: 1, rto: 6_000, lastDataSent: 2_000, silence: 5_000 }, "?"],
  ],
  "retransmissions in vain": [
    [1_000, { ...BUSY, retransmits: 1, backoff: 1, rto: 402, lastDataSent: 10, silence: 211 }, "?"],
    [1_400, { ...BUSY, retransmits: 2, backoff: 2, rto: 804, lastDataSent: 9, silence: 612 }, "?"],
    [
      1_800,
      { ...BUSY, retransmits: 2, backoff: 2, rto: 804, lastDataSent: 410, silence: 1_013 },
      "retransmits",
    ],
    [
      6_000,
      { ...BUSY, retransmits: 4, backoff: 4, rto: 3_216, lastDataSent: 900, silence: 5_000 },
      "retransmits",
    ],
    [7_000, BUSY, "-"],
  ],
  "retransmissions in vain, seen late": [
    [
      9_000,
      { unacked: 1, retransmits: 5, backoff: 5, rto: 6_432, lastDataSent: 100, silence: 6_400 },
      "retransmits",
    ],
  ],
  "data in flight for long, without a timeout: a peer that delays its acknowledgement": [
    [1_000, { unacked: 1, silence: 9_000, lastDataSent: 40 }, "-"],
  ],
  "a window that is closed for a moment": [
    [1_000, CLOSED, "-"],
    [1_250, { ...CLOSED, backoff: 1 }, "?"],
    [1_450, BUSY, "-"],
  ],
  "a window that stays closed, and each probe is answered": [
    [1_250, { ...CLOSED, backoff: 1, lastDataSent: 250, silence: 40 }, "?"],
    [1_650, { ...CLOSED, backoff: 2, lastDataSent: 650, silence: 40 }, "?"],
    [2_450, { ...CLOSED, backoff: 3, lastDataSent: 1_450, silence: 40 }, "zeroWindow"],
    [9_000, { ...CLOSED, backoff: 5, lastDataSent: 8_000, silence: 40 }, "zeroWindow"],
    [9_200, { ...BUSY, backoff: 0 }, "-"],
  ],
  "a window that stays nearly closed": [
    [9_000, { ...CLOSED, sndWnd: 700, backoff: 5, lastDataSent: 8_000 }, "zeroWindow"],
  ],
  "a window that stays closed, on a kernel that does not tell of windows": [
    [9_000, { ...CLOSED, sndWnd: -1, backoff: 5, lastDataSent: 8_000 }, "zeroWindow"],
  ],
  "an open window, and a doubling that was left from a loss": [
    [9_000, { notsentBytes: 9_000, backoff: 5, lastDataSent: 8_000 }, "-"],
  ],
  "a closed window and nothing to send": [[9_000, { sndWnd: 0, backoff: 0, lastDataSent: 9_000 }, "-"]],
  "a closed window, and a probe with data is under way": [
    [9_000, { ...CLOSED, backoff: 5, lastDataSent: 8_000 }, "zeroWindow"],
    [9_500, { ...CLOSED, unacked: 1, backoff: 5, lastDataSent: 10 }, "zeroWindow"],
  ],
  "the peer has ended its side, and then it is gone": [
    [1_000, { state: "CLOSE_WAIT", probes: 1, silence: 1_000 }, "?"],
    [1_300, { state: "CLOSE_WAIT", probes: 1, silence: 1_300 }, "probes"],
  ],
  "the kernel has given up: its counters say nothing any more": [
    [2_000, { probes: 2, silence: 2_000 }, "?"],
    [2_300, { probes: 2, silence: 2_300 }, "probes"],
    [3_000, { state: "CLOSE", silence: 3_000 }, "probes"],
    [4_000, { state: "CLOSE", probes: 3, silence: 3_000 }, "probes"],
  ],
  "the kernel has given up before anybody looked": [[9_000, { state: "CLOSE", probes: 3 }, "-"]],
};

for (const [name, looks] of Object.entries(ROWS)) {
  test(`health: ${name}`, () => {
    let pulse = WELL;
    for (const [now, seen, verdict] of looks) {
      pulse = judge(pulse, vitalsOf(seen), now);
      assertEquals([now, verdictOf(pulse)], [now, verdict]);
    }
  });
}

test("health: nothing is made for a connection that is well", () => {
  assert(judge(WELL, vitalsOf(BUSY), 5) === WELL);
  const suspected: Pulse = { trouble: "probes", sure: true, since: 0, seen: 0, again: Infinity };
  assert(judge(suspected, vitalsOf({ probes: 4, silence: 9_000 }), 9_000) === suspected);
});

test("health: a doubt is looked at again when it can be settled", () => {
  const probe = judge(WELL, vitalsOf({ probes: 1, silence: 900 }), 1_000);
  assertEquals([probe.again, probe.since], [1_201, 100]);
  const slow = judge(WELL, vitalsOf({ probes: 1, silence: 900, rto: 3_000 }), 1_000);
  assertEquals(slow.again, 4_000);
  const loss = judge(WELL, vitalsOf({ unacked: 1, retransmits: 1, backoff: 1, rto: 402 }), 1_000);
  assertEquals(loss.again, 1_200);
});

test("health: when it began", () => {
  const since = (seen: Partial<Vitals>) => judge(WELL, vitalsOf(seen), 100_000).since;
  assertEquals(since({ probes: 3, silence: 7_000 }), 93_000);
  // Sent, and again after 0.2, 0.4 and 0.8 s; the last time 0.1 s ago.
  const lost = { unacked: 1, retransmits: 3, backoff: 3, rto: 1_600, lastDataSent: 100 };
  assertEquals(since(lost), 100_000 - 200 - 400 - 800 - 100);
  assertEquals(since({ ...CLOSED, backoff: 3, rto: 200, lastDataSent: 2_000 }), 98_000);
  // Nothing was written for an hour: the window was of no concern before.
  assertEquals(since({ ...CLOSED, backoff: 3, rto: 200, lastDataSent: 3_600_000 }), 100_000 - 3_000);
  // At its limit the timeout is not doubled any more.
  const old = { unacked: 1, retransmits: 12, backoff: 12, rto: 120_000, lastDataSent: 0 };
  // 0.2 to 102.4 s are ten of the twelve.
  assertEquals(since(old), 100_000 - 204_600 - 2 * 120_000);
});

test("health: how long until it is given up", () => {
  const within = { idle: 20_000, inFlight: 20_400, zeroWindow: 20_200 };
  const left = (trouble: Suspicion, seen: Partial<Vitals>, userTimeout = 20_000, detectsWithin = within) =>
    givesUpIn(trouble, vitalsOf(seen), { userTimeout, detectsWithin });
  assertEquals(left("probes", { probes: 1, silence: 12_000 }), 8_000);
  assertEquals(left("probes", { probes: 1, silence: 25_000 }), 0);
  assertEquals(left("probes", { probes: 1, silence: 12_000 }, 0, {} as typeof within), undefined);
  const lost = { unacked: 1, retransmits: 3, backoff: 3, rto: 1_600, lastDataSent: 100, silence: 60_000 };
  assertEquals(left("retransmits", lost), 20_400 - 1_500);
  // Something came in the meantime: the count began later.
  assertEquals(left("retransmits", { ...lost, silence: 1_000 }), 19_400);
  const closed = { ...CLOSED, backoff: 3, rto: 200, lastDataSent: 2_000, silence: 30 };
  assertEquals(left("zeroWindow", closed), 18_200);
  // Without a user timeout a peer that answers is never given up.
  assertEquals(left("zeroWindow", closed, 0), undefined);
  assertEquals(left("zeroWindow", { ...closed, probes: 1 }, 0), undefined);
  assertEquals(left("zeroWindow", { ...closed, probes: 3, silence: 5_000 }, 0), 15_200);
});
