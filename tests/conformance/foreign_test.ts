/**
 * Sockets the caller opened by the runtime's own API: every way to open one
 * that the runtime has, every route, every state.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import { type Ends, inLibraryUnits, ODD_VALUES } from "../kit/oracle.ts";
import { PLAIN_WAYS, type PlainListener, type PlainSocket, type PlainWay } from "../kit/plain_ways.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { eventually } from "../kit/time.ts";
import {
  connect,
  getKeepAlive,
  type KeepAlive,
  type KeepAliveStatus,
  listen,
  setKeepAlive,
} from "../../mod.ts";

const ASKED: KeepAlive = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };
const HELD = { enabled: true, idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };
const ODD = { enabled: false, idle: 111_000, interval: 22_000, count: 7, userTimeout: 66_666 };
const PRESET = { ...ODD_VALUES, usertimeout: 66_666, keepalive: false };

/** One call after the other on the same socket, and what it must hold then. */
// deno-fmt-ignore -- a table is read by its columns
const CALLS: [keepAlive: boolean | KeepAlive, held: typeof HELD][] = [
  [ASKED, HELD],
  [false, { ...HELD, enabled: false }],
  [{ enabled: false, idle: 1 }, { ...HELD, enabled: false, idle: 1_000 }],
  [{ idle: null, interval: 1_001, count: null }, { ...HELD, idle: 1_000, interval: 2_000 }],
  [true, { ...HELD, idle: 15_000, interval: 15_000, count: 9 }],
  [{ userTimeout: 0, count: 127, unsupported: "report" }, { enabled: true, idle: 15_000, interval: 15_000, count: 127, userTimeout: 0 }],
  [{}, { enabled: true, idle: 15_000, interval: 15_000, count: 9, userTimeout: 0 }],
  [{ idle: null, interval: null, count: null, userTimeout: null }, { enabled: true, idle: 15_000, interval: 15_000, count: 9, userTimeout: 0 }],
  [{ idle: 32_767_000, interval: 32_767_000, userTimeout: 2_147_483_647 }, { enabled: true, idle: 32_767_000, interval: 32_767_000, count: 9, userTimeout: 2_147_483_647 }],
];

function checkStatus({ detectsWithin: _, ...rest }: KeepAliveStatus, held: typeof HELD): void {
  assertEquals(rest, { ...held, source: "kernel", route: "ffi", notApplied: [] });
}

/** All that can be asked of an open socket. */
async function checkCalls({ oracle }: CaseContext, socket: object, ends: Ends): Promise<void> {
  const target = { local: ends.localAddress, remote: ends.remoteAddress };
  const preset = inLibraryUnits(await oracle.set(target, PRESET));
  assertEquals(preset, ODD);
  checkStatus(getKeepAlive(socket), ODD);
  for (const [keepAlive, held] of CALLS) {
    const status = setKeepAlive(socket, keepAlive);
    assertEquals(await oracle.keepAliveOf(ends), held, JSON.stringify(keepAlive));
    checkStatus(status, held);
    checkStatus(getKeepAlive(socket), held);
  }
}

async function connected({ defer, peer }: CaseContext, way: PlainWay, host = "127.0.0.1") {
  const listener = await peer.listen({ host });
  const plain = await way.connect({ hostname: host, port: listener.port });
  defer(() => plain.close());
  return { plain, other: await listener.accept() };
}

/** Listens on one address and has the peer connect to another. */
async function accepted({ defer, peer }: CaseContext, way: PlainWay, hostname: string, host = hostname) {
  const listener = await way.listen({ hostname, port: 0 });
  defer(() => listener.close());
  const other = await peer.connect({ host, port: listener.port });
  const plain = await listener.accept();
  defer(() => plain.close());
  return { plain, other };
}

type Run = (way: PlainWay, context: CaseContext) => unknown;

const OPEN: Record<string, Run> = {
  "connected, IPv4": async (way, context) => {
    const { plain } = await connected(context, way);
    await checkCalls(context, plain.socket, plain);
  },
  "connected, IPv6": async (way, context) => {
    const { plain } = await connected(context, way, "::1");
    await checkCalls(context, plain.socket, plain);
  },
  "accepted, IPv4": async (way, context) => {
    const { plain } = await accepted(context, way, "127.0.0.1");
    await checkCalls(context, plain.socket, plain);
  },
  "accepted, IPv6": async (way, context) => {
    const { plain } = await accepted(context, way, "::1");
    await checkCalls(context, plain.socket, plain);
  },
  "accepted, IPv4 on an IPv6 listener": async (way, context) => {
    const { plain } = await accepted(context, way, "::", "127.0.0.1");
    await checkCalls(context, plain.socket, plain);
  },
  "while a write is pending": async (way, context) => {
    const { plain, other } = await connected(context, way);
    // More than the kernel takes: nobody reads.
    plain.write(new Uint8Array(32 * 1024 * 1024));
    await eventually(async () => ((await other.status()).unread ?? 0) > 0, 3_000, "Bytes at the peer");
    await checkCalls(context, plain.socket, plain);
  },
  "after its own FIN": async (way, context) => {
    const { plain, other } = await connected(context, way);
    plain.shutdown();
    assertEquals(await other.waitForEnd(), "fin");
    await checkCalls(context, plain.socket, plain);
  },
  "after the peer's FIN": async (way, context) => {
    const { plain, other } = await accepted(context, way, "127.0.0.1");
    await other.shutdown();
    const state = async () => (await context.oracle.read(plain.localAddress, plain.remoteAddress)).state;
    await eventually(async () => await state() === "CLOSE_WAIT", 3_000, "The FIN");
    await checkCalls(context, plain.socket, plain);
  },
  "a refused value touches nothing": async (way, context) => {
    const { plain } = await connected(context, way);
    const { localAddress: local, remoteAddress: remote } = plain;
    await context.oracle.set({ local, remote }, PRESET);
    const wrong = { ...ASKED, count: 128 };
    assertThrows(() => setKeepAlive(plain.socket, wrong), RangeError, "keepAlive.count");
    assertEquals(await context.oracle.keepAliveOf(plain), ODD);
  },
};

/** Every call must say that there is no connection, and why. */
async function checkNotConnected(socket: object, why: string): Promise<void> {
  const expected = { code: "ENOTCONN", cause: "none" } as const;
  for (const keepAlive of [ASKED, true, false, { ...ASKED, unsupported: "report" } as const]) {
    const set = await assertSocketError(() => setKeepAlive(socket, keepAlive), {
      ...expected,
      op: "setKeepAlive",
    });
    assertEquals(set.message, `Cannot set keepalive of the socket: ${why} (ENOTCONN)`);
  }
  const get = await assertSocketError(() => getKeepAlive(socket), { ...expected, op: "getKeepAlive" });
  assertEquals(get.message, `Cannot read keepalive of the socket: ${why} (ENOTCONN)`);
}

/** The same for two sockets of which the second has got the first one's file descriptor. */
async function checkReused(context: CaseContext, closed: PlainSocket, next: PlainSocket, fd: number) {
  const { oracle } = context;
  const { localAddress: local, remoteAddress: remote } = next;
  const before = await oracle.set({ local, remote }, PRESET);
  assertEquals(before.fd, fd, "the file descriptor was not used again");
  await checkNotConnected(closed.socket, "the socket is closed");
  assertEquals(await oracle.read(local, remote), before);
}

const NOT_CONNECTED: Record<string, Run> = {
  "closed": async (way, context) => {
    const { plain } = await connected(context, way);
    setKeepAlive(plain.socket, ASKED);
    plain.close();
    await checkNotConnected(plain.socket, "the socket is closed");
  },
  "closed, and another one has its file descriptor": async (way, context) => {
    const { oracle } = context;
    const { plain } = await connected(context, way);
    setKeepAlive(plain.socket, ASKED);
    const { fd } = await oracle.read(plain.localAddress, plain.remoteAddress);
    plain.close();
    await eventually(async () => (await oracle.all()).every((one) => one.fd !== fd), 3_000, "Its end");
    const next = await connected(context, way);
    await checkReused(context, plain, next.plain, fd);
  },
  "closed, and another one has its addresses": async (way, context) => {
    const { defer, oracle, peer } = context;
    const listener = await way.listen({ hostname: "127.0.0.1", port: 0 });
    defer(() => listener.close());
    const localPort = await peer.freePort();
    const other = await peer.connect({ port: listener.port, localPort });
    const plain = await listener.accept();
    // Without a word to the library before: nothing can be remembered of it.
    const { fd } = await oracle.read(plain.localAddress, plain.remoteAddress);
    await other.reset();
    plain.close();
    await eventually(async () => (await oracle.all()).every((one) => one.fd !== fd), 3_000, "Its end");
    await peer.connect({ port: listener.port, localPort });
    const next = await listener.accept();
    defer(() => next.close());
    assertEquals(next.remoteAddress, plain.remoteAddress);
    await checkReused(context, plain, next, fd);
  },
};

/** States that not every class has. */
const BEFORE: Record<string, { exists: (way: PlainWay) => unknown; run: Run }> = {
  "not yet connected": {
    exists: (way) => way.unopened,
    run: async (way, { defer }) => {
      const { socket, close } = way.unopened!();
      defer(close);
      await checkNotConnected(socket, "the socket is not connected; set it when it is");
      close();
      await checkNotConnected(socket, "the socket is closed");
    },
  },
  "connecting": {
    exists: (way) => way.connecting,
    run: async (way, { defer, peer }) => {
      const { port } = await peer.listen();
      const { socket, connected, close } = way.connecting!({ hostname: "127.0.0.1", port });
      defer(close);
      await checkNotConnected(socket, "the socket is still connecting; wait for its 'connect' event");
      await connected;
      assertEquals(setKeepAlive(socket, ASKED).notApplied, []);
    },
  },
};

const OF_CLASSES: Case[] = PLAIN_WAYS.flatMap((way) => {
  const before = Object.entries(BEFORE).filter(([, { exists }]) => exists(way));
  const runs: [string, Run][] = [
    ...Object.entries({ ...OPEN, ...NOT_CONNECTED }),
    ...before.map(([name, { run }]): [string, Run] => [name, run]),
    ["a Unix socket", unix],
  ];
  return runs.map(([name, run]) => ({ name: `${way.name}, ${name}`, run: (context) => run(way, context) }));
});

/** A socket's two ends over a Unix socket, both of the same way. */
async function unixPair({ defer }: CaseContext, way: PlainWay): Promise<PlainSocket[]> {
  const folder = mkdtempSync(`${tmpdir()}/keepwire-`);
  defer(() => rmSync(folder, { recursive: true }));
  const listener: PlainListener = await way.listen({ path: `${folder}/s` });
  defer(() => listener.close());
  const ends = [await way.connect({ path: `${folder}/s` }), await listener.accept()];
  for (const end of ends) defer(() => end.close());
  return ends;
}

const NUMERIC = ["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"];
const UNIX_STATUS = { enabled: false, source: "requested", route: "none", detectsWithin: {} };

async function unix(way: PlainWay, context: CaseContext): Promise<void> {
  for (const { socket } of await unixPair(context, way)) {
    const nothing = { ...UNIX_STATUS, notApplied: ["SO_KEEPALIVE", ...NUMERIC] };
    assertEquals<unknown>(setKeepAlive(socket, true), nothing);
    assertEquals<unknown>(setKeepAlive(socket, {}), nothing);
    assertEquals<unknown>(setKeepAlive(socket, false), { ...UNIX_STATUS, notApplied: [] });
    assertEquals<unknown>(getKeepAlive(socket), { ...UNIX_STATUS, notApplied: [] });
    const { notApplied } = setKeepAlive(socket, { ...ASKED, unsupported: "report" });
    assertEquals(notApplied, ["SO_KEEPALIVE", ...NUMERIC, "TCP_USER_TIMEOUT"]);
    for (
      const [keepAlive, options] of [
        [ASKED, [...NUMERIC, "TCP_USER_TIMEOUT"]],
        [{ idle: 1 }, ["TCP_KEEPIDLE"]],
        [{ enabled: false, count: 5 }, ["TCP_KEEPCNT"]],
      ] as [KeepAlive, string[]][]
    ) {
      const expected = { code: "ENOTSUP", op: "setKeepAlive", options, hint: /TCP only/ };
      await assertSocketError(() => setKeepAlive(socket, keepAlive), expected);
    }
  }
}

const NO_SOCKETS: [name: string, value: () => unknown][] = [
  ["undefined", () => undefined],
  ["null", () => null],
  ["a number", () => 5],
  ["a text", () => "127.0.0.1:80"],
  ["a symbol", () => Symbol("socket")],
  ["a function", () => () => {}],
  ["an object", () => ({})],
  ["an object without a prototype", () => Object.create(null)],
  ["an array", () => []],
  ["bytes", () => new Uint8Array(8)],
  ["a proxy", () => new Proxy({}, {})],
  ["an object like a status", () => ({ setKeepAlive: () => {}, getKeepAlive: () => {} })],
  ["a server", () => createServer()],
];

const NOT_A_SOCKET =
  "Cannot use socket: expected a Connection of keepwire, a net.Socket, a Deno.TcpConn, or a Socket of Bun or workerd";

function refuses(value: unknown): void {
  for (const call of [() => setKeepAlive(value as object, ASKED), () => getKeepAlive(value as object)]) {
    const error = assertThrows(call, TypeError);
    assertEquals([error.name, error.message], ["TypeError", NOT_A_SOCKET]);
  }
}

const OTHERS: Case[] = [
  ...NO_SOCKETS.map(([name, value]) => ({
    name: `${name} is no socket`,
    run: () => refuses(value()),
  })),
  ...PLAIN_WAYS.map((way) => ({
    name: `a listener of ${way.name} is no socket`,
    run: async ({ defer }: CaseContext) => {
      const { listener, close } = await way.listen({ hostname: "127.0.0.1", port: 0 });
      defer(close);
      refuses(listener);
    },
  })),
  {
    name: "a Listener is no socket",
    needs: needsOpening(),
    run: async () => {
      await using listener = await listen({ hostname: "127.0.0.1", port: 0 });
      refuses(listener);
    },
  },
  {
    name: "a Connection",
    needs: needsOpening(),
    run: async (context) => {
      const { port } = await context.peer.listen();
      const connection = await connect({ port });
      context.defer(() => connection.abort());
      await checkCalls(context, connection, connection);
    },
  },
  {
    name: "the native socket of a Connection",
    needs: needsOpening(),
    run: async (context) => {
      const { port } = await context.peer.listen();
      const connection = await connect({ port });
      context.defer(() => connection.abort());
      await checkCalls(context, connection.native as object, connection);
      assertEquals(connection.getKeepAlive().userTimeout, 2_147_483_647);
    },
  },
  {
    name: "a Connection that is closed",
    needs: needsOpening(),
    run: async ({ peer }) => {
      const { port } = await peer.listen();
      const connection = await connect({ port });
      const { localAddress, remoteAddress } = connection;
      connection.abort();
      const expected = { code: "ENOTCONN", localAddress, remoteAddress };
      await assertSocketError(() => setKeepAlive(connection, ASKED), { ...expected, op: "setKeepAlive" });
      await assertSocketError(() => getKeepAlive(connection), { ...expected, op: "getKeepAlive" });
    },
  },
];

cases(
  "foreign",
  [...OF_CLASSES, ...OTHERS].map((one) => ({ ...one, needs: [one.needs ?? [], needsFfi()].flat() })),
);
