/**
 * Connecting to a host that drops the SYN: whatever limit was asked for ends
 * it, and nothing is left behind.
 *
 * @module
 */

import type { Evidence, LabCase, Scenario } from "../cases.ts";

export const scenario: Scenario = {
  number: 8,
  title: "Connect to a host that drops SYN",
  cases: [
    limited("timeout 1.5 s", { options: { timeout: 1_500 } }, 1_500),
    {
      ...limited("signal after 1.5 s", {}, 1_500, { abortAfter: 1_500 }),
      expect: { kind: "refusal", error: { name: "TimeoutError" }, within: 1_500, check: isSilentAfterwards },
    },
    limited("user timeout 2.5 s", { keepAlive: { userTimeout: 2_500 } }, 2_500),
    limited("timeout 1.5 s, user timeout 4 s", {
      keepAlive: { userTimeout: 4_000 },
      options: { timeout: 1_500 },
    }, 1_500),
    limited("timeout 4 s, user timeout 1.5 s", {
      keepAlive: { userTimeout: 1_500 },
      options: { timeout: 4_000 },
    }, 1_500),
    // Two more SYNs at 1 and 2 s; before Linux 6.5 one, and then twice as long: 3 s either way.
    limited("no limit, tcp_syn_retries 1", { sysctl: { "net.ipv4.tcp_syn_retries": 1 } }, 3_000),
  ],
};

function limited(
  name: string,
  more: Partial<LabCase>,
  within: number,
  dial: Record<string, unknown> = {},
): LabCase {
  return {
    name,
    side: "connect",
    keepAlive: true,
    connected: false,
    ...more,
    act: async (stage) => {
      await stage.router.dropBoth();
      await stage.dial(dial);
      // A SYN that somebody still sends would come through.
      await stage.router.pass();
      await stage.wait(1_500);
    },
    expect: { kind: "refusal", error: { code: "ETIMEDOUT" }, within, check: isSilentAfterwards },
  };
}

/** SYNs went out, none was answered, and none came after the end. */
function isSilentAfterwards({ ours, theirs }: Evidence): string[] {
  const wrong = [];
  if (!ours.some(({ flags }) => flags === "S")) wrong.push("no SYN was sent");
  if (theirs.length > 0) wrong.push("the peer saw a segment: the attempt went on after its end");
  return wrong;
}
