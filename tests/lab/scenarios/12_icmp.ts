/**
 * ICMP unreachable while the connection stands. To the kernel it is a hint
 * (RFC 1122, 4.2.3.9; `tcp_v4_err` in net/ipv4/tcp_ipv4.c): it goes on until
 * its timers are over, and the last hint is the error then. A hint that is
 * about a keepalive probe does not count: the probe's number is below those
 * that are in flight.
 *
 * @module
 */

import { bothSides, type Evidence, type LabCase, type Scenario } from "../cases.ts";
import type { Rejection } from "../router.ts";

export const scenario: Scenario = {
  number: 12,
  title: "The router answers: unreachable",
  drawn: { name: "data in flight, host unreachable" },
  cases: [
    {
      name: "idle, host unreachable",
      side: "connect",
      keepAlive: { idle: 2_000, interval: 1_000, count: 2 },
      act: async ({ wait, cut }) => {
        await wait(300);
        await cut((router) => router.reject("host-unreachable"));
      },
      expect: { kind: "death", code: "ETIMEDOUT", within: "idle", check: wasTold },
    },
    ...bothSides(inFlight("host-unreachable", "EHOSTUNREACH")),
    { ...inFlight("net-unreachable", "ENETUNREACH"), side: "connect" },
    { ...inFlight("admin-prohibited", "EHOSTUNREACH"), side: "connect" },
    { ...inFlight("port-unreachable", "ECONNREFUSED"), side: "connect" },
    {
      name: "host unreachable for 2 s, then all is well",
      side: "connect",
      keepAlive: { idle: 1_000, interval: 1_000, count: 3, userTimeout: 4_000 },
      act: async ({ us, far, wait, router }) => {
        await us("write", { bytes: 1_000 });
        await router.reject("host-unreachable");
        await us("write", { bytes: 1_000 });
        await wait(2_000);
        await router.pass();
        const got = await far("receive", { bytes: 2_000 });
        if (got.bytes !== 2_000 || !got.right) throw new Error(`the peer got ${JSON.stringify(got)}`);
        await wait(1_500);
      },
      expect: { kind: "life", check: wasTold },
    },
  ],
};

function inFlight(kind: Rejection, code: string): Omit<LabCase, "side"> {
  return {
    name: `data in flight, ${kind.replace("-", " ")}`,
    keepAlive: { idle: 1_000, interval: 1_000, count: 2, userTimeout: 3_000 },
    act: async ({ us, wait, cut }) => {
      await wait(300);
      await cut((router) => router.reject(kind));
      await us("write", { bytes: 100 });
    },
    expect: { kind: "death", code, within: "inFlight", from: "first sent", check: wasTold },
  };
}

/** The messages came. */
function wasTold({ ours, notes }: Evidence): string[] {
  const messages = ours.filter(({ icmp }) => icmp !== undefined);
  notes["ICMP messages"] = messages.length;
  return messages.length > 0 ? [] : ["no ICMP message came"];
}
