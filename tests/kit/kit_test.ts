/**
 * The kit's own test: that the judge sees what is there, and that the checks
 * fail what must fail.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  connect as netConnect,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";
import type { Address } from "../../core/types.ts";
import {
  randomPieces,
  seededSha256,
  SeededStream,
  Sha256Stream,
} from "./bytes.ts";
import { type CaseContext, cases, testCase } from "./cases.ts";
import { runScript, spawnRuntime } from "./driver.ts";
import { FAILING_CASES } from "./failing_cases.ts";
import { RequestError } from "./line_process.ts";
import { ODD_VALUES } from "./oracle.ts";
import type { PeerListener } from "./peer.ts";
import { currentRuntime, python, repositoryPath } from "./runtime.ts";
import { assertSocketError, checkSocketError } from "./socket_error.ts";
import { eventually, sleep, withTimeout } from "./time.ts";

const runtime = currentRuntime();

/** A plain socket of this runtime, connected to the peer. */
async function plainSocket(
  listener: PeerListener,
  allowHalfOpen = false,
): Promise<Socket> {
  const socket = netConnect({
    port: listener.port,
    host: "127.0.0.1",
    allowHalfOpen,
  });
  await withTimeout(
    new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    }),
    5_000,
    "Connecting",
  );
  socket.on("error", () => {});
  return socket;
}

async function plainServer(host: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  return server;
}

function ends(
  socket: Socket,
): { localAddress: Address; remoteAddress: Address } {
  const tcp = (hostname: string, port: number): Address => ({
    transport: "tcp",
    hostname,
    port,
  });
  return {
    localAddress: tcp(socket.localAddress!, socket.localPort!),
    remoteAddress: tcp(socket.remoteAddress!, socket.remotePort!),
  };
}

cases("oracle", [
  {
    name: "reads what setKeepAlive(true, 7000) left in the kernel",
    run: async ({ oracle, peer, defer }) => {
      const socket = await plainSocket(await peer.listen());
      defer(() => socket.destroy());
      const before = await oracle.keepAliveOf(ends(socket));
      assertEquals(before, {
        enabled: false,
        idle: 7_200_000,
        interval: 75_000,
        count: 9,
        userTimeout: 0,
      });
      socket.setKeepAlive(true, 7000);
      const held = await oracle.keepAliveOf(ends(socket));
      // The runtimes differ in the other two: that is why keepwire exists.
      const forced = runtime.name === "deno" ? [75_000, 9] : [1_000, 10];
      assertEquals(held, {
        enabled: true,
        idle: 7_000,
        interval: forced[0],
        count: forced[1],
        userTimeout: 0,
      });
    },
  },
  {
    name: "presets from outside and reads it back by addresses, text and fd",
    run: async ({ oracle, peer, defer }) => {
      const socket = await plainSocket(await peer.listen());
      defer(() => socket.destroy());
      const set = await oracle.presetOdd(ends(socket));
      const { localPort, remotePort } = socket;
      const read = await oracle.read(
        `127.0.0.1:${localPort}`,
        `127.0.0.1:${remotePort}`,
      );
      assertEquals(read, set);
      assertEquals(await oracle.readFd(read.fd), read);
      const { keepidle, keepintvl, keepcnt, keepalive } = read;
      assertEquals({ keepidle, keepintvl, keepcnt }, { ...ODD_VALUES });
      assertEquals(keepalive, false);
      const target = {
        local: ends(socket).localAddress,
        remote: ends(socket).remoteAddress,
      };
      const more = await oracle.set(target, {
        keepalive: true,
        usertimeout: 12_345,
      });
      assertEquals([more.keepalive, more.usertimeout, more.keepidle], [
        true,
        12_345,
        111,
      ]);
      assertEquals((await oracle.tcpInfo(target)).state, "ESTABLISHED");
    },
  },
  {
    name: "sees the peer's own sockets by its pid",
    run: async ({ oracle, peer, defer }) => {
      const listener = await peer.listen();
      const socket = await plainSocket(listener);
      defer(() => socket.destroy());
      const { localAddress, remoteAddress } = ends(socket);
      const theirs = oracle.of(peer.pid);
      assertEquals(
        (await theirs.read(remoteAddress, localAddress)).listening,
        false,
      );
      assertEquals(
        (await theirs.readListener(listener.address)).state,
        "LISTEN",
      );
    },
  },
  {
    name:
      "lists accepted, connected and listening sockets, v4-mapped ones as IPv4",
    run: async ({ oracle, peer, defer }) => {
      const server = await plainServer("::");
      defer(() => void server.close());
      const { port } = server.address() as { port: number };
      const four = await peer.connect({ port });
      const six = await peer.connect({ host: "::1", port });
      const found = await eventually(
        async () => {
          const all = (await oracle.all()).filter(({ local }) =>
            local?.endsWith(`:${port}`)
          );
          return all.length === 3 && all;
        },
        3_000,
        "Three sockets of the server",
      );
      const names = (found as {
        listening: boolean;
        local: string | null;
        remote: string | null;
      }[])
        .map(({ listening, local, remote }) =>
          `${listening} ${local} ${remote}`
        ).sort();
      const text = (address: Address) =>
        address.transport === "tcp" ? address.port : 0;
      assertEquals(
        names,
        [
          `false 127.0.0.1:${port} 127.0.0.1:${text(four.local)}`,
          `false [::1]:${port} [::1]:${text(six.local)}`,
          `true [::]:${port} null`,
        ].sort(),
      );
    },
  },
  {
    name: "says what it cannot find",
    run: async ({ oracle }) => {
      const error = await assertRejects(
        () => oracle.read("127.0.0.1:1", "127.0.0.1:2"),
        RequestError,
      );
      assertEquals(error.code, "ENOENT");
      const gone = await assertRejects(
        () => oracle.of(2 ** 22 - 1).all(),
        RequestError,
      );
      assertEquals(gone.code, "ESRCH");
    },
  },
  {
    name: "counts fds and measures memory",
    run: async ({ oracle, peer }) => {
      const before = await oracle.countFds();
      const socket = await plainSocket(await peer.listen());
      const during = await oracle.countFds();
      assertEquals([during.tcp, during.sockets], [
        before.tcp + 1,
        before.sockets + 1,
      ]);
      socket.destroy();
      await eventually(
        async () => (await oracle.countFds()).tcp === before.tcp,
        2_000,
        "Closing",
      );
      const sampling = oracle.sampleRss(200);
      const { rss, highWater } = await oracle.rss(true);
      assert(
        rss > 1_000_000 && highWater >= 1_000_000,
        `rss ${rss}, high water ${highWater}`,
      );
      const { low, high } = await sampling;
      assert(low > 1_000_000 && high >= low, `low ${low}, high ${high}`);
    },
  },
]);

cases("peer", [
  {
    name: "its RST is seen here, and ours there",
    run: async ({ peer }) => {
      const listener = await peer.listen();
      const first = await plainSocket(listener);
      const seen = new Promise<string | undefined>((resolve) => {
        first.on(
          "error",
          (error) => resolve((error as { code?: string }).code),
        );
        first.on("close", () => resolve(undefined));
      });
      first.resume();
      await (await listener.accept()).reset();
      assertEquals(await withTimeout(seen, 3_000, "The RST"), "ECONNRESET");
      const second = await peer.listen();
      const theirs = await peer.connect({ port: second.port });
      await (await second.accept()).reset();
      assertEquals(await theirs.waitForEnd(), "reset");
      assertEquals((await theirs.receive()).end, "ECONNRESET");
    },
  },
  {
    name: "its FIN ends the stream, ours too",
    run: async ({ peer, defer }) => {
      const listener = await peer.listen();
      const socket = await plainSocket(listener, true);
      defer(() => socket.destroy());
      const theirs = await listener.accept();
      const ended = new Promise<void>((resolve) =>
        socket.on("end", () => resolve())
      );
      socket.resume();
      assertEquals(await theirs.shutdown(), "done");
      await withTimeout(ended, 3_000, "The FIN");
      socket.end("bye");
      assertEquals(await theirs.waitForEnd(), "fin");
      assertEquals(await theirs.readText(3), "bye");
      assertEquals((await theirs.receive()).end, "eof");
    },
  },
  {
    name: "makes the same seeded stream, both ways at once, in random pieces",
    timeout: 40_000,
    run: async ({ peer, defer }) => {
      const total = 3_000_001;
      const listener = await peer.listen();
      const socket = await plainSocket(listener);
      defer(() => socket.destroy());
      const theirs = await listener.accept();
      const hash = new Sha256Stream();
      const done = new Promise<void>((resolve) =>
        socket.on("end", () => resolve())
      );
      socket.on("data", (chunk) => hash.update(chunk as Uint8Array));
      const moving = theirs.exchange(
        {
          bytes: total,
          seed: "there",
          pieces: [1, 90_000],
          rate: 20_000_000,
          fin: true,
        },
        { bytes: total, chunk: 50_000 },
      );
      const stream = new SeededStream("here");
      for (const size of randomPieces("sizes", total)) {
        socket.write(stream.take(size));
      }
      const { sent, received } = await moving;
      await withTimeout(done, 10_000, "The end of the stream");
      assertEquals([received.end, received.bytes, received.sha256], [
        "limit",
        total,
        stream.digest(),
      ]);
      assertEquals([sent.end, sent.sha256], [
        "done",
        seededSha256("there", total),
      ]);
      assertEquals([hash.bytes, hash.digest()], [total, sent.sha256]);
    },
  },
  {
    name: "floods, is held back, and can be cancelled",
    run: async ({ peer, defer }) => {
      const listener = await peer.listen();
      const socket = await plainSocket(listener);
      socket.pause();
      defer(() => socket.destroy());
      const theirs = await listener.accept();
      const flood = theirs.send({ bytes: 2 ** 29 });
      let last = -1;
      await eventually(
        async () => {
          const { sent } = await theirs.status();
          const still = sent === last && sent > 0;
          last = sent;
          await sleep(200);
          return still;
        },
        8_000,
        "Being held back",
      );
      await theirs.cancel();
      const { end, bytes } = await flood;
      assertEquals(end, "cancelled");
      assert(bytes < 2 ** 27, `${bytes} bytes went through`);
    },
  },
  {
    name: "a full backlog leaves a connect hanging",
    run: async ({ peer }) => {
      const listener = await peer.listenFull();
      const socket = netConnect(listener.port, "127.0.0.1");
      socket.on("error", () => {});
      let connected = false;
      socket.on("connect", () => connected = true);
      await sleep(500);
      socket.destroy();
      assertEquals(connected, false);
    },
  },
  {
    name: "reconnects in a tight loop from before the listener exists",
    run: async ({ peer }) => {
      const port = await peer.freePort();
      const loop = await peer.reconnect({ port, max: 60 });
      await eventually(
        async () => (await loop.status()).refused > 0,
        3_000,
        "Being refused",
      );
      const listener = await peer.listen({ port });
      await eventually(
        async () => !(await loop.status()).running,
        8_000,
        "60 connections",
      );
      await eventually(
        async () => await listener.accepted() >= 60,
        5_000,
        "60 accepted",
      );
      const { connects, open } = await loop.stop();
      assert(
        connects >= 60 && open === connects,
        `${connects} connects, ${open} open`,
      );
    },
  },
  {
    name:
      "connects from a given port, over Unix sockets, and counts what it accepted",
    run: async ({ peer, defer }) => {
      const listener = await peer.listen();
      assertEquals(await listener.accepted(), 0);
      const localPort = await peer.freePort();
      const from = await peer.connect({ port: listener.port, localPort });
      assertEquals(from.local, {
        transport: "tcp",
        hostname: "127.0.0.1",
        port: localPort,
      });
      await listener.accept();
      assertEquals(await listener.accepted(), 1);
      const directory = mkdtempSync(`${tmpdir()}/keepwire-`);
      defer(() => rmSync(directory, { recursive: true }));
      const unix = await peer.listen({ path: `${directory}/s` });
      const client = await peer.connect({ path: `${directory}/s` });
      const server = await unix.accept();
      await client.write("hello");
      assertEquals(await server.readText(5), "hello");
      assertEquals(await peer.accepted(), 2);
      const refused = await assertRejects(
        () => peer.connect({ path: `${directory}/none` }),
        RequestError,
      );
      assertEquals(refused.code, "ENOENT");
    },
  },
]);

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
      const text =
        `console.error("on stderr"); setTimeout(() => { throw new Error("died"); }, 10);`;
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
const child = spawn(${JSON.stringify(python())}, ${
          JSON.stringify([...command, sleeper])
        }, { stdio });
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

/** Stand-ins with the names of the library's classes: the kit imports nothing of it. */
class SocketError extends TypeError {
  constructor(message: string, fields: Record<string, unknown>) {
    const { cause, ...rest } = fields;
    super(message, { cause });
    this.name = "SocketError";
    Object.assign(this, rest);
  }
}

const REMOTE: Address = { transport: "tcp", hostname: "127.0.0.1", port: 5 };
const GOOD = {
  code: "ECONNRESET",
  op: "read",
  remoteAddress: REMOTE,
  cause: new Error("native"),
};
const EXPECTED = {
  code: "ECONNRESET",
  op: "read",
  remoteAddress: REMOTE,
  cause: "error" as const,
};
const MESSAGE = "Cannot read: the peer has reset the connection";

testCase("socket error: a good one passes", {}, async () => {
  checkSocketError(new SocketError(MESSAGE, GOOD), EXPECTED);
  await assertSocketError(
    () => Promise.reject(new SocketError(MESSAGE, GOOD)),
    EXPECTED,
  );
  await assertRejects(
    () => assertSocketError(Promise.resolve(1), EXPECTED),
    Error,
    "It gave 1",
  );
});

const unlike = (fields: Record<string, unknown>) =>
  new SocketError(MESSAGE, { ...GOOD, ...fields });
const plain = Object.assign(new Error(MESSAGE), GOOD);
const alias = Object.assign(new TypeError(MESSAGE), GOOD, {
  name: "SocketError",
});
class Positioned {
  transport = "tcp";
  hostname = "127.0.0.1";
  port = 5;
}
cases(
  "socket error: is rejected",
  Object.entries<unknown>({
    "a plain Error": plain,
    "a TypeError by another class": alias,
    "something that is no error": { ...GOOD, message: MESSAGE },
    "a code outside the union": unlike({ code: "EWHATEVER" }),
    "another code": unlike({ code: "EPIPE" }),
    "another op": unlike({ op: "write" }),
    "an unknown op": unlike({ op: "recv" }),
    "an empty message": new SocketError("", GOOD),
    "a final period": new SocketError(`${MESSAGE}.`, GOOD),
    "a hole in the message": new SocketError("Cannot read undefined", GOOD),
    "no cause": unlike({ cause: undefined }),
    "a cause that is no error": unlike({ cause: "native" }),
    "no remote address": unlike({ remoteAddress: undefined }),
    "another remote address": unlike({ remoteAddress: { ...REMOTE, port: 6 } }),
    "an address with more in it": unlike({
      remoteAddress: { ...REMOTE, family: "IPv4" },
    }),
    "an address of a class": unlike({ remoteAddress: new Positioned() }),
    "a bad local address": unlike({
      localAddress: { transport: "tcp", hostname: "", port: 1 },
    }),
    "options without the class": unlike({
      options: ["TCP_KEEPCNT"],
      hint: "x",
    }),
  }).map(([name, error]) => ({
    name,
    run: () => void assertThrows(() => checkSocketError(error, EXPECTED)),
  })),
);

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
        const reason =
          "missing capability: ffi (TCP_KEEPINTVL cannot be set here)";
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
