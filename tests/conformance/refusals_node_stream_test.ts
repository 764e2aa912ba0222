/**
 * Streams of `keepwire/node-stream` where not every option can be set: what is
 * given as options is held, or refused by an error, as in {@link REFUSAL_ROWS};
 * what a client of Node gives to `setKeepAlive` in Node's own form is held, or
 * the process is warned; what it leaves out stays as it was. Runs in the lanes
 * without FFI too.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import http from "node:http";
import process from "node:process";
import { type KernelName, SocketError } from "../../mod.ts";
import { type ConnectionDuplex, createConnection, toDuplex } from "../../node_stream.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { type Ability, ability, needsOpening } from "../kit/means.ts";
import { openPair } from "../kit/pairs.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { eventually } from "../kit/time.ts";
import { openTlsPair } from "../kit/tls.ts";
import { once } from "./node_stream.ts";
import { REFUSAL_ROWS, type RefusalRow } from "./refusal_rows.ts";
import { checkHolding, HELP, untouched } from "./refusals.ts";

const can = ability();

/** `createConnection` with these options: their refusal is the stream's one error. */
async function opening({ keepAlive, outcomes }: RefusalRow, context: CaseContext): Promise<void> {
  const listener = await context.peer.listen();
  const outcome = outcomes[can];
  const before = await untouched(context);
  const stream = createConnection({ port: listener.port, keepAlive });
  context.defer(() => stream.resetAndDestroy());
  if ("refused" in outcome) {
    const error = await once(stream, "error");
    checkSocketError(error, { code: "ENOTSUP", op: "connect", options: outcome.refused, hint: HELP });
    assertEquals(await listener.accepted(), 0);
    return;
  }
  await once(stream, "connect");
  await checkHolding(context, outcome, before, stream.connection!, stream.getKeepAlive());
}

/** `setKeepAlive` in Node's own form, and what is held then, by what can be set. */
interface NodeRow {
  args: [enable: boolean, initialDelay?: number, interval?: number, count?: number];
  outcomes: Record<Ability, NodeOutcome>;
}

interface NodeOutcome {
  /** Seconds, seconds, a count; `null`: as the system gave it. */
  values: [idle: number | null, interval: number | null, count: number | null];
  /** The options of the warning that the process gets. */
  warned?: KernelName[];
}

/** On a connection opened with `keepAlive: true`, whose values are 15 s, 15 s and 9 where they can be set. */
const NODE_ROWS: NodeRow[] = [
  {
    args: [true],
    outcomes: {
      switch: { values: [null, null, null] },
      idle: { values: [15, 1, 10] },
      times: { values: [15, 15, 9] },
      everything: { values: [15, 15, 9] },
    },
  },
  {
    args: [true, 5_000],
    outcomes: {
      switch: { values: [null, null, null], warned: ["TCP_KEEPIDLE"] },
      idle: { values: [5, 1, 10] },
      times: { values: [5, 15, 9] },
      everything: { values: [5, 15, 9] },
    },
  },
  {
    args: [true, 5_000, 3_000, 4],
    outcomes: {
      switch: { values: [null, null, null], warned: ["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"] },
      idle: { values: [5, 1, 10], warned: ["TCP_KEEPINTVL", "TCP_KEEPCNT"] },
      times: { values: [5, 3, 4] },
      everything: { values: [5, 3, 4] },
    },
  },
  {
    args: [true, 0, 3_000],
    outcomes: {
      switch: { values: [null, null, null], warned: ["TCP_KEEPINTVL"] },
      idle: { values: [15, 1, 10], warned: ["TCP_KEEPINTVL"] },
      times: { values: [15, 3, 9] },
      everything: { values: [15, 3, 9] },
    },
  },
];

/** Warnings that a process gets of this library. */
function warnings({ defer }: CaseContext): SocketError[] {
  const found: SocketError[] = [];
  const listener = (warning: Error) => {
    if (warning instanceof SocketError) found.push(warning);
  };
  process.on("warning", listener);
  defer(() => void process.off("warning", listener));
  return found;
}

async function setting({ args, outcomes }: NodeRow, context: CaseContext): Promise<void> {
  const { connection } = await openPair(context, "connected");
  const before = await untouched(context);
  const stream = toDuplex(connection);
  // Before the connection is dropped beneath it, which would be its error.
  context.defer(() => stream.resetAndDestroy());
  const { values: [idle, interval, count], warned } = outcomes[can];
  const came = warnings(context);
  // Once, however often it is called.
  assertEquals(stream.setKeepAlive(...args).setKeepAlive(...args), stream);
  await eventually(() => Promise.resolve(came.length >= (warned ? 1 : 0)), 2_000, "A warning");
  assertEquals(came.length, warned ? 1 : 0);
  if (warned) {
    checkSocketError(came[0], { code: "ENOTSUP", op: "setKeepAlive", options: warned, hint: HELP });
  }
  const now = await context.oracle.read(connection.localAddress, connection.remoteAddress);
  assertEquals([now.keepalive, now.keepidle, now.keepintvl, now.keepcnt], [
    true,
    idle ?? before.keepidle,
    interval ?? before.keepintvl,
    count ?? before.keepcnt,
  ]);
}

/** Options of our own are a promise here too. */
async function promised(context: CaseContext): Promise<void> {
  const { connection } = await openPair(context, "connected");
  const stream = toDuplex(connection);
  context.defer(() => stream.resetAndDestroy());
  const held = await context.oracle.read(connection.localAddress, connection.remoteAddress);
  const refused = (Object.keys(PROMISE) as (keyof typeof PROMISE)[]).filter((name) =>
    !PROMISE[name].includes(can)
  ); // its own keys
  const set = () => stream.setKeepAlive({ idle: 5_000, interval: 3_000 });
  if (refused.length === 0) {
    set();
    return;
  }
  await assertSocketError(set, { code: "ENOTSUP", op: "setKeepAlive", options: refused, hint: HELP });
  assertEquals(await context.oracle.read(connection.localAddress, connection.remoteAddress), held);
}

/** Only Deno without FFI cannot set it with TLS. */
async function noDelay(context: CaseContext): Promise<void> {
  const { connection } = await openTlsPair(context, "connected with TLS");
  const held = async () =>
    (await context.oracle.read(connection.localAddress, connection.remoteAddress)).nodelay;
  const before = await held();
  const stream = toDuplex(connection);
  context.defer(() => stream.resetAndDestroy());
  const came = warnings(context);
  assertEquals(stream.setNoDelay(!before).setNoDelay(!before), stream);
  const warned = can === "switch" ? 1 : 0;
  await eventually(() => Promise.resolve(came.length >= warned), 2_000, "A warning");
  assertEquals([came.length, await held()], warned ? [1, before] : [0, !before]);
  if (warned) {
    const { localAddress, remoteAddress } = connection;
    checkSocketError(came[0], { code: "ENOTSUP", op: "setNoDelay", localAddress, remoteAddress });
  }
}

/** Who can hold it. */
const PROMISE: Record<"TCP_KEEPIDLE" | "TCP_KEEPINTVL", Ability[]> = {
  TCP_KEEPIDLE: ["idle", "times", "everything"],
  TCP_KEEPINTVL: ["times", "everything"],
};

/** An `http.Agent` gives each connection that it keeps a delay of its own, from an event. */
async function pooled({ defer, oracle }: CaseContext): Promise<void> {
  const server = http.createServer((_request, response) => response.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number }; // it listens on TCP
  const streams: ConnectionDuplex[] = [];
  const agent = new http.Agent({ keepAlive: true });
  agent.createConnection = () => {
    const stream = createConnection({ port });
    streams.push(stream);
    return stream;
  };
  const closing = () => new Promise((resolve) => server.close(resolve));
  defer(async () => {
    agent.destroy();
    server.closeAllConnections();
    await closing();
  });
  const get = () =>
    new Promise<string>((resolve, reject) => {
      const request = http.request({ host: "127.0.0.1", port, agent }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => body += text);
        response.on("end", () => resolve(body));
      });
      request.on("error", reject).end();
    });
  const bodies = [await get()];
  await eventually(
    () => Promise.resolve(Object.keys(agent.freeSockets).length === 1),
    2_000,
    "A free socket",
  );
  bodies.push(await get());
  assertEquals([bodies, streams.length], [["hello", "hello"], 1]);
  const { localAddress, remoteAddress } = streams[0].connection!; // it has served
  assertEquals((await oracle.read(localAddress, remoteAddress)).keepalive, true);
}

const text = (value: unknown) => JSON.stringify(value).replaceAll('"', "");

cases("streams, refusals", [
  ...REFUSAL_ROWS.map((row): Case => ({
    name: `createConnection with keepAlive ${text(row.keepAlive)}`,
    needs: needsOpening(),
    run: (context) => opening(row, context),
  })),
  ...NODE_ROWS.map((row): Case => ({
    name: `setKeepAlive(${row.args.join(", ")})`,
    needs: needsOpening(),
    run: (context) => setting(row, context),
  })),
  { name: "setKeepAlive with options", needs: needsOpening(), run: promised },
  { name: "setNoDelay of TLS", needs: needsOpening(), run: noDelay },
  { name: "an http.Agent that keeps its connections", needs: needsOpening(), run: pooled },
]);
