/**
 * The drivers' and the cases' own test: what must fail fails.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { type CaseContext, cases } from "./cases.ts";
import { runScript, spawnRuntime } from "./driver.ts";
import { FAILING_CASES } from "./failing_cases.ts";
import { python, repositoryPath } from "./runtime.ts";
import { eventually } from "./time.ts";

const SOCKET_SCRIPT = `
import net from "node:net";
import process from "node:process";
const socket = net.connect(Number(process.argv[2]), "127.0.0.1", () => {
  socket.setKeepAlive(true, 7000);
  console.log(JSON.stringify([process.pid, socket.localPort]));
});
socket.on("error", () => {});
process.stdin.on("end", () => process.exit(0)).resume();
`;

cases("driver", [
  {
    name: "seccomp makes one option fail and leaves the others alone",
    run: async ({ oracle, peer }) => {
      const listener = await peer.listen();
      const held = async (failing: string[]) => {
        const driver = spawnRuntime({ text: SOCKET_SCRIPT }, {
          args: [`${listener.port}`],
          failing,
        });
        const [pid, port] = await driver.json<[number, number]>();
        assertEquals(pid, driver.pid);
        const read = () =>
          oracle.of(pid).read(
            `127.0.0.1:${port}`,
            `127.0.0.1:${listener.port}`,
          );
        const found = await read();
        driver.endInput();
        await driver.success();
        return [found.keepalive, found.keepidle];
      };
      assertEquals(await held([]), [true, 7]);
      assertEquals(await held(["TCP_KEEPIDLE"]), [true, 7200]);
    },
  },
  {
    name: "a script that dies or hangs is a failure with its stderr",
    run: async () => {
      const text = `console.error("on stderr"); setTimeout(() => { throw new Error("died"); }, 10);`;
      const died = await assertRejects(() => runScript({ text }), Error);
      assert(/on stderr[^]*died/.test(died.message), died.message);
      const hanging = `console.error("hangs"); setInterval(() => {}, 1000);`;
      const hung = await assertRejects(
        () => runScript({ text: hanging }, { timeout: 3_000 }),
        Error,
      );
      assert(/took too long[^]*hangs/.test(hung.message), hung.message);
      const silent = spawnRuntime({ text: `console.log("one")` });
      assertEquals(await silent.line(), "one");
      await assertRejects(() => silent.line(), Error, "ended without the line");
    },
  },
  {
    name: "a script ends with the process that started it",
    run: async () => {
      const command = [
        "-B",
        repositoryPath("tests/oracle/leash.py"),
        "--",
        python(),
        "-u",
        "-c",
      ];
      const sleeper = "import os, time; print(os.getpid()); time.sleep(60)";
      // A process that starts another by the leash, and is then killed.
      const middle = spawnRuntime({
        text: `
import { spawn } from "node:child_process";
const stdio = ["ignore", "pipe", "ignore"];
const child = spawn(${JSON.stringify(python())}, ${JSON.stringify([...command, sleeper])}, { stdio });
child.stdout.on("data", (text) => console.log(String(text).trim()));
setInterval(() => {}, 1000);
`,
      });
      const pid = Number(await middle.line());
      assert(existsSync(`/proc/${pid}`));
      middle.kill();
      await middle.ended;
      await eventually(() => !alive(pid), 3_000, "The grandchild's end");
    },
  },
]);

/** A zombie nobody has waited for is dead too. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return existsSync(`/proc/${pid}/exe`);
}

/** This file's directory and extension, as source and as built: `import.meta` is not in the CommonJS build. */
function sibling(name: string): string {
  const found = /(\/[^\s():]*\/)kit_test(\.[cm]?[jt]s)/.exec(
    new Error().stack ?? "",
  );
  assert(found, "the stack does not name this file");
  return `${found[1]}${name}${found[2]}`;
}

const suite = sibling("failing_cases");
cases(
  "cases",
  [
    ...FAILING_CASES.map((failing) => ({
      name: `${failing.name} fails the run, and the next case still runs`,
      run: async ({ defer }: CaseContext) => {
        const { end, results } = await runSuite(failing.name, defer);
        assert(end.code !== 0 && !end.timedOut, `${end.stdout}\n${end.stderr}`);
        const output = end.stdout + end.stderr;
        assert(failing.says.test(output), output);
        const next = results.find((result) => result.name === "next");
        assertEquals(next?.outcome, "passed", JSON.stringify(results));
      },
    })),
    {
      name: "a skip names its capability, in the results too",
      run: async ({ defer }: CaseContext) => {
        const { end, results } = await runSuite("skip", defer);
        assertEquals(end.code, 0, end.stdout + end.stderr);
        const reason = "missing capability: ffi (TCP_KEEPINTVL cannot be set here)";
        assert((end.stdout + end.stderr).includes(reason), end.stdout);
        assertEquals(results.map(({ outcome }) => outcome), [
          "skipped",
          "passed",
        ]);
        assertEquals(results[0].message, reason);
      },
    },
  ].map((one) => ({ ...one, timeout: 60_000 })),
);

interface Recorded {
  name: string;
  outcome: string;
  message?: string;
}

/** Runs one of the suites made to fail by this runtime's own test runner. */
async function runSuite(name: string, defer: CaseContext["defer"]) {
  const directory = mkdtempSync(`${tmpdir()}/keepwire-`);
  defer(() => rmSync(directory, { recursive: true }));
  const file = `${directory}/results.jsonl`;
  const env = { KEEPWIRE_KIT_SUITE: name, KEEPWIRE_RESULTS: file };
  const driver = spawnRuntime({ file: suite }, {
    env,
    runner: true,
    timeout: 50_000,
  });
  const end = await driver.ended;
  assert(existsSync(file), `no results:\n${end.stdout}\n${end.stderr}`);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const results = lines.map((line) => JSON.parse(line) as Recorded);
  return { end, results };
}
