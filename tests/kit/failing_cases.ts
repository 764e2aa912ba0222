/**
 * Suites that must fail, run by `kit_test.ts` in processes of their own. On
 * import nothing happens unless `KEEPWIRE_KIT_SUITE` names one.
 *
 * @module
 */
import { connect, createServer } from "node:net";
import process from "node:process";
import { testCase } from "./cases.ts";
import { sleep } from "./time.ts";

/** Each suite that must fail, and what its output must say. */
export const FAILING_CASES = [
  { name: "an unhandled rejection", says: /nobody/ },
  { name: "a late unhandled rejection", says: /nobody/ },
  { name: "an unhandled rejection after its case", says: /nobody/ },
  { name: "a leaked socket", says: /1 sockets leaked[^]*LISTEN/ },
  {
    name: "a socket forgotten while the peer holds on",
    says: /1 sockets leaked[^]*ESTABLISHED/,
  },
  { name: "a hanging case", says: /took more than 300 ms/ },
  { name: "a failing clean-up", says: /not cleaned/ },
];

const unhandled = () => void Promise.reject(new Error("nobody"));

const SUITES: Record<string, () => void> = {
  "an unhandled rejection": () =>
    testCase("rejects", {}, async () => {
      unhandled();
      await sleep(20);
    }),
  "a late unhandled rejection": () => testCase("rejects", {}, unhandled),
  "an unhandled rejection after its case": () => {
    testCase("rejects later", {}, () => void setTimeout(unhandled, 60));
    // Long enough for it to come: a runner may end right after the last case.
    testCase("waits", {}, () => sleep(200));
  },
  "a leaked socket": () =>
    testCase("leaks", {}, async () => {
      const server = createServer().unref();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }),
  "a socket forgotten while the peer holds on": () =>
    testCase("leaks", {}, async ({ peer }) => {
      const { port } = await peer.listen();
      const socket = connect(port, "127.0.0.1").unref();
      await new Promise<void>((resolve) => socket.on("connect", resolve));
    }),
  "a hanging case": () => testCase("hangs", { timeout: 300 }, () => new Promise(() => {})),
  "a failing clean-up": () =>
    testCase("cleans", {}, ({ defer }) =>
      defer(() => {
        throw new Error("not cleaned");
      })),
  "skip": () => {
    const because = "TCP_KEEPINTVL cannot be set here";
    testCase("needs", {
      needs: { capability: "ffi", available: false, because },
    }, () => {
      throw new Error("it ran");
    });
  },
};

const suite = SUITES[process.env.KEEPWIRE_KIT_SUITE ?? ""];
if (suite) {
  suite();
  testCase("next", {}, async ({ peer }) => void await peer.listen());
}
