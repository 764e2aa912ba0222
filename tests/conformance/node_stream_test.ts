/**
 * `keepwire/node-stream`: a stream has what clients expect of a `net.Socket`,
 * and what is set on it is what the kernel holds.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Duplex } from "node:stream";
import type { KeepAlive } from "../../mod.ts";
import { type ConnectionDuplex, createConnection, toDuplex } from "../../node_stream.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi } from "../kit/means.ts";
import { type HeldSocket, ODD_VALUES } from "../kit/oracle.ts";
import { openPair, socketPath } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { eventually, sleep } from "../kit/time.ts";
import { once, openStream, openStreamPair, record, STREAM_WAYS } from "./node_stream.ts";

/** What the kernel holds of a stream's socket. */
async function held({ oracle }: CaseContext, stream: ConnectionDuplex): Promise<HeldSocket> {
  const { localAddress, localPort, remoteAddress, remotePort } = stream;
  return await oracle.read(`${localAddress}:${localPort}`, `${remoteAddress}:${remotePort}`);
}

async function times(context: CaseContext, stream: ConnectionDuplex): Promise<unknown[]> {
  const { keepalive, keepidle, keepintvl, keepcnt, usertimeout } = await held(context, stream);
  return [keepalive, keepidle, keepintvl, keepcnt, usertimeout];
}

const IDENTITY: Case[] = STREAM_WAYS.map((way) => ({
  name: `addresses and state, ${way}`,
  run: async (context) => {
    const { stream, peer } = await openStreamPair(context, way);
    assert(stream instanceof Duplex, "not a Duplex");
    const [ours, theirs] = [peer.remote, peer.local];
    assert(ours.transport === "tcp" && theirs.transport === "tcp");
    const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = stream;
    assertEquals([localAddress, localPort, localFamily], [ours.hostname, ours.port, "IPv4"]);
    assertEquals([remoteAddress, remotePort, remoteFamily], [theirs.hostname, theirs.port, "IPv4"]);
    assertEquals(stream.address(), { address: ours.hostname, port: ours.port, family: "IPv4" });
    const { connecting, pending, readyState } = stream;
    assertEquals({ connecting, pending, readyState }, {
      connecting: false,
      pending: false,
      readyState: "open",
    });
    assertEquals(stream.connection?.localAddress, ours);
    stream.end();
    await once(stream, "finish");
    assertEquals(stream.readyState, "readOnly");
    const closed = once(stream, "close");
    await peer.close();
    await closed;
    assertEquals(stream.readyState, "closed");
    // Whoever logs the end of a connection still can.
    assertEquals(stream.remotePort, theirs.port);
  },
}));

const OPENING: Case[] = [
  {
    name: "createConnection connects, and says so",
    run: async (context) => {
      const at = await context.peer.listen();
      const stream = openStream(context, { port: at.port });
      const events = record(stream);
      const { connecting, pending, readyState, localAddress } = stream;
      assertEquals({ connecting, pending, readyState, localAddress }, {
        connecting: true,
        pending: true,
        readyState: "opening",
        localAddress: undefined,
      });
      assertEquals(stream.address(), {});
      try {
        stream.getKeepAlive();
        throw new Error("it told of a socket that is not there");
      } catch (error) {
        checkSocketError(error, { code: "ENOTCONN", op: "getKeepAlive" });
      }
      // Written before there is a connection.
      const finished = once(stream, "finish");
      stream.write("before ");
      stream.end("connect");
      const peer = await at.accept();
      assertEquals(await peer.readText(14), "before connect");
      await finished;
      assertEquals(events, ["connect", "ready", "finish"]);
      assertEquals(stream.bytesWritten, 14);
    },
  },
  {
    name: "a Unix socket has no addresses, as on Node",
    run: async (context) => {
      const path = socketPath(context);
      const at = await context.peer.listen({ path });
      const stream = openStream(context, { path });
      await once(stream, "connect");
      const { remoteAddress, remotePort, localAddress } = stream;
      assertEquals([remoteAddress, remotePort, localAddress], [undefined, undefined, undefined]);
      assertEquals(stream.connection?.remoteAddress, { transport: "unix", path });
      stream.write("x");
      assertEquals(await (await at.accept()).readText(1), "x");
    },
  },
  {
    name: "a connection that is refused: one error with its code, then close",
    run: async (context) => {
      const port = await context.peer.freePort();
      const stream = openStream(context, { port });
      const events = record(stream);
      const written = new Promise((resolve) => stream.write("lost", resolve));
      const [error] = await Promise.all([once(stream, "error"), once(stream, "close")]);
      checkSocketError(error, { code: "ECONNREFUSED", op: "connect" });
      assertEquals(events, ["error ECONNREFUSED", "close"]);
      assert(await written instanceof Error, "a write that was lost succeeded");
    },
  },
  {
    name: "destroy() while it connects leaves no socket, and no event but close",
    run: async (context) => {
      const { oracle, peer } = context;
      const at = await peer.listenFull();
      const before = await oracle.countFds();
      const stream = openStream(context, { port: at.port });
      const events = record(stream);
      await sleep(50);
      const closed = once(stream, "close");
      stream.destroy();
      await closed;
      assertEquals(events, ["close"]);
      await eventually(async () => (await oracle.countFds()).sockets <= before.sockets, 2_000, "no socket");
    },
  },
  {
    name: "timeout and signal of connect",
    run: async (context) => {
      const at = await context.peer.listenFull();
      const late = openStream(context, { port: at.port, timeout: 100 });
      checkSocketError(await once(late, "error"), { code: "ETIMEDOUT", op: "connect" });
      const controller = new AbortController();
      const cancelled = openStream(context, { port: at.port, signal: controller.signal });
      const error = once(cancelled, "error");
      const reason = new Error("no more interest");
      controller.abort(reason);
      assertEquals(await error, reason);
    },
  },
];

/** What clients do that are handed a stream and connect it themselves. */
const CONNECTING: Case[] = [
  {
    name: "connect(port, host) of a stream without an address",
    run: async (context) => {
      const at = await context.peer.listen();
      const stream = openStream(context, { keepAlive: { idle: 33_000 } });
      assertEquals([stream.connecting, stream.pending, stream.readyState], [false, true, "closed"]);
      stream.setNoDelay(false);
      let told = 0;
      assertEquals(stream.connect(at.port, "127.0.0.1", () => told++), stream);
      assertEquals(stream.connecting, true);
      stream.write("hello");
      await once(stream, "connect");
      assertEquals(told, 1);
      assertEquals(await (await at.accept()).readText(5), "hello");
      const { keepidle, nodelay } = await held(context, stream);
      assertEquals([keepidle, nodelay], [33, false]);
    },
    needs: needsFfi(),
  },
  ...([
    ["a string for the port", (stream, port) => stream.connect(`${port}`)],
    ["an object", (stream, port) => stream.connect({ port, host: "127.0.0.1" })],
  ] as [string, (stream: ConnectionDuplex, port: number) => unknown][]).map(([name, dial]): Case => ({
    name: `connect() with ${name}`,
    run: async (context) => {
      const at = await context.peer.listen();
      const stream = openStream(context);
      dial(stream, at.port);
      await once(stream, "connect");
      assertEquals(stream.remotePort, at.port);
    },
  })),
  {
    name:
      "connect() of a stream that is connecting, or connected: the same connection, and 'connect' for whoever waits",
    run: async (context) => {
      const at = await context.peer.listen();
      const stream = openStream(context, { port: at.port });
      stream.connect(at.port, "127.0.0.1");
      await once(stream, "connect");
      stream.connect(at.port, "127.0.0.1");
      await once(stream, "connect");
      await sleep(50);
      assertEquals(await at.accepted(), 1);
    },
  },
  {
    name: "connect() of a connection that was open already",
    run: async (context) => {
      const { connection } = await openPair(context, "connected");
      const stream = toDuplex(connection);
      await sleep(10);
      stream.connect(1, "nowhere");
      await once(stream, "connect");
      assertEquals(stream.connection, connection);
    },
  },
];

/** Set when, and what the kernel holds then; `null` is what it held before. */
type SettingRow = [name: string, set: (stream: ConnectionDuplex) => unknown, held: unknown[]];

const [ODD_IDLE, ODD_INTERVAL, ODD_COUNT] = [
  ODD_VALUES.keepidle,
  ODD_VALUES.keepintvl,
  ODD_VALUES.keepcnt,
];

const KEEP_ALIVE_ROWS: SettingRow[] = [
  ["(true)", (stream) => stream.setKeepAlive(true), [true, ODD_IDLE, ODD_INTERVAL, ODD_COUNT, 0]],
  ["(true, 0)", (stream) => stream.setKeepAlive(true, 0), [true, ODD_IDLE, ODD_INTERVAL, ODD_COUNT, 0]],
  [
    "(true, 40_000)",
    (stream) => stream.setKeepAlive(true, 40_000),
    [true, 40, ODD_INTERVAL, ODD_COUNT, 0],
  ],
  ["(true, 500)", (stream) => stream.setKeepAlive(true, 500), [true, 1, ODD_INTERVAL, ODD_COUNT, 0]],
  ["(true, 40_000, 4_000, 3)", (stream) => stream.setKeepAlive(true, 40_000, 4_000, 3), [true, 40, 4, 3, 0]],
  [
    "(true, 0, 4_000)",
    (stream) => stream.setKeepAlive(true, 0, 4_000),
    [true, ODD_IDLE, 4, ODD_COUNT, 0],
  ],
  ["(false)", (stream) => stream.setKeepAlive(false), [false, ODD_IDLE, ODD_INTERVAL, ODD_COUNT, 0]],
  ["()", (stream) => stream.setKeepAlive(), [false, ODD_IDLE, ODD_INTERVAL, ODD_COUNT, 0]],
  [
    "({ four values })",
    (stream) => stream.setKeepAlive({ idle: 50_000, interval: 6_000, count: 5, userTimeout: 70_000 }),
    [true, 50, 6, 5, 70_000],
  ],
  ["({})", (stream) => stream.setKeepAlive({}), [true, 15, 15, 9, 0]],
];

const KEEP_ALIVE: Case[] = KEEP_ALIVE_ROWS.flatMap(([name, set, wanted]): Case[] => [
  {
    name: `setKeepAlive${name} is what the kernel holds`,
    needs: needsFfi(),
    run: async (context) => {
      const { stream } = await openStreamPair(context, "toDuplex, connected");
      await context.oracle.presetOdd(stream.connection!);
      assertEquals(set(stream), stream);
      assertEquals(await times(context, stream), wanted);
      const { enabled, idle, interval, count, userTimeout } = stream.getKeepAlive();
      const told = [enabled, idle! / 1000, interval! / 1000, count, userTimeout];
      assertEquals(told, wanted);
    },
  },
  {
    name: `setKeepAlive${name} before 'connect' comes with it`,
    needs: needsFfi(),
    run: async (context) => {
      const at = await context.peer.listen();
      const keepAlive: KeepAlive = {
        idle: ODD_IDLE * 1000,
        interval: ODD_INTERVAL * 1000,
        count: ODD_COUNT,
      };
      const stream = openStream(context, { port: at.port, keepAlive });
      set(stream);
      const then = once(stream, "connect").then(() => stream.getKeepAlive().enabled);
      assertEquals(await then, wanted[0]);
      assertEquals(await times(context, stream), wanted);
    },
  },
]);

const SETTINGS: Case[] = [
  {
    name: "setNoDelay, before and after 'connect'",
    run: async (context) => {
      const at = await context.peer.listen();
      const stream = openStream(context, { port: at.port });
      assertEquals(stream.setNoDelay(false), stream);
      await once(stream, "connect");
      assertEquals((await held(context, stream)).nodelay, false);
      for (const on of [true, false, undefined]) {
        stream.setNoDelay(on);
        assertEquals((await held(context, stream)).nodelay, on ?? true);
      }
    },
  },
  {
    name: "bad input is refused at once, and nothing is touched",
    run: async (context) => {
      const { stream } = await openStreamPair(context, "toDuplex, connected");
      const before = await held(context, stream);
      // deno-lint-ignore no-explicit-any -- what the types forbid
      const any = stream as any;
      for (
        const [call, kind] of [
          [() => any.setKeepAlive("yes"), TypeError],
          [() => any.setKeepAlive({ idel: 1 }), TypeError],
          [() => any.setKeepAlive(true, -1), RangeError],
          [() => any.setKeepAlive(true, NaN), RangeError],
          [() => any.setKeepAlive(true, 1_000, 1_000, 128), RangeError],
          [() => any.setKeepAlive(true, "5"), TypeError],
          [() => any.setTimeout("5"), TypeError],
          [() => any.setTimeout(-1), RangeError],
          [() => any.connect({ port: 1, prot: 2 }), TypeError],
          [() => createConnection({ port: 70_000 }), RangeError],
          [() => createConnection({ port: 1, keepAlive: { idle: 0 } }), RangeError],
          [() => createConnection({ keepAlive: { idle: 0 } }), RangeError],
          [() => createConnection({ prot: 1 } as object), TypeError],
        ] as [() => unknown, ErrorConstructor][]
      ) assertThrows(call, kind);
      assertEquals(await held(context, stream), before);
    },
  },
  {
    name: "on a closed stream nothing is set, and nothing throws",
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, "createConnection");
      const closed = once(stream, "close");
      stream.destroy();
      stream.setKeepAlive(true, 5_000).setNoDelay(false).setTimeout(10).ref().unref();
      await closed;
      stream.setKeepAlive(true, 5_000).setNoDelay(false).ref().unref();
      assertEquals(await peer.waitForEnd(), "fin");
    },
  },
];

const TIMEOUTS: Case[] = [
  {
    name: "setTimeout tells once of a time in which nothing happened, and ends nothing",
    run: async (context) => {
      const { stream, peer, events } = await openStreamPair(context, "createConnection");
      let told = 0;
      const started = performance.now();
      assertEquals(stream.setTimeout(200, () => told++), stream);
      assertEquals(stream.timeout, 200);
      await once(stream, "timeout");
      const took = performance.now() - started;
      assert(took > 190 && took < 1_200, `it took ${took} ms`);
      await sleep(300);
      assertEquals([told, events.filter((name) => name === "timeout").length], [1, 1]);
      // Something happens: it is told again, to whoever listens.
      await peer.write("x");
      await once(stream, "timeout");
      assertEquals(told, 1);
      assertEquals(stream.readyState, "open");
    },
  },
  {
    name: "bytes in either direction put setTimeout off",
    run: async (context) => {
      const { stream, peer, events } = await openStreamPair(context, "createConnection");
      stream.resume();
      stream.setTimeout(400);
      for (let turn = 0; turn < 6; turn++) {
        await sleep(150);
        if (turn % 2) await peer.write("x");
        else stream.write("x");
      }
      assertEquals(events.includes("timeout"), false);
      await once(stream, "timeout");
    },
  },
  {
    name: "setTimeout(0) is never, and takes its listener away",
    run: async (context) => {
      const { stream, events } = await openStreamPair(context, "createConnection");
      const listener = () => {};
      const before = stream.listenerCount("timeout");
      stream.setTimeout(100, listener);
      assertEquals(stream.listenerCount("timeout"), before + 1);
      stream.setTimeout(0, listener);
      assertEquals([stream.listenerCount("timeout"), stream.timeout], [before, undefined]);
      await sleep(250);
      assertEquals(events.includes("timeout"), false);
    },
  },
  {
    name: "a connection that does not come is told by setTimeout too",
    run: async (context) => {
      const at = await context.peer.listenFull();
      const stream = openStream(context, { port: at.port });
      stream.setTimeout(100);
      await once(stream, "timeout");
      assertEquals(stream.connecting, true);
    },
  },
];

cases("streams", [
  ...IDENTITY,
  ...OPENING,
  ...CONNECTING,
  ...KEEP_ALIVE,
  ...SETTINGS,
  ...TIMEOUTS,
]);
