/**
 * How a listener ends, and what becomes of those who wait, of those who were
 * accepted, and of its address.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { type Address, capabilities, connect, type Connection, listen, type Listener } from "../../mod.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { openConnection, openListener, portOf, socketPath } from "../kit/pairs.ts";
import type { PeerConnection } from "../kit/peer.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { eventually, sleep } from "../kit/time.ts";
import { assertReadsEnd, bytes, errorOf, readText, soon, staysPending } from "./ends.ts";

type Target = { hostname: string; port: number } | { path: string };

/** A case over TCP and over a Unix socket. */
interface ListenerCase extends Omit<Case, "run"> {
  run(where: Target, context: CaseContext): unknown;
}

function overBoth(list: ListenerCase[]): Case[] {
  return list.flatMap(({ name, run, ...rest }) => [
    {
      ...rest,
      name: `${name} (TCP)`,
      run: (context) => run({ hostname: "127.0.0.1", port: 0 }, context),
    },
    { ...rest, name: `${name} (Unix)`, run: (context) => run({ path: socketPath(context) }, context) },
  ]);
}

/** Where clients of a listener go. */
function toListener({ address }: Listener): { port: number } | { path: string } {
  return address.transport === "tcp" ? { port: address.port } : { path: address.path };
}

function checkClosed(error: unknown, localAddress: Address, cause?: unknown): void {
  checkSocketError(error, {
    code: "ECONNABORTED",
    op: "accept",
    localAddress,
    remoteAddress: null,
    cause: cause === undefined ? "none" : { value: cause },
  });
}

async function assertEcho(one: Connection, other: PeerConnection): Promise<void> {
  await one.write(bytes("there"));
  assertEquals(await other.readText(5), "there");
  await other.write("back");
  assertEquals(await readText(one, 4), "back");
}

async function assertNobodyListens(to: { port: number } | { path: string }): Promise<void> {
  const error = await errorOf(connect(to), "connect()") as { code: string };
  assertEquals(error.code, "port" in to ? "ECONNREFUSED" : "ENOENT");
}

cases(
  "listener",
  overBoth([
    {
      name: "close: accepts that wait get one error, later ones too, and nobody listens any more",
      run: async (where) => {
        const listener = await listen(where);
        const accepts = [listener.accept(), listener.accept()];
        await staysPending(Promise.race(accepts), "accept()", 30);
        await soon(listener.close(), "close()");
        const errors = await Promise.all(accepts.map((one) => errorOf(one, "accept()")));
        checkClosed(errors[0], listener.address);
        assertStrictEquals(errors[1], errors[0]);
        assertStrictEquals(await errorOf(listener.accept(), "A later accept()"), errors[0]);
        await soon(Promise.all([listener.close(), listener.close()]), "close() again");
        await soon(Promise.resolve(listener[Symbol.asyncDispose]()), "Disposing");
        await assertNobodyListens(toListener(listener));
        const gone = { code: "ENOTCONN", localAddress: listener.address, remoteAddress: null };
        await assertSocketError(() => listener.getKeepAlive(), { ...gone, op: "getKeepAlive" });
        await assertSocketError(() => listener.setKeepAlive(true), { ...gone, op: "setKeepAlive" });
        listener.ref();
        listener.unref();
      },
    },
    {
      name: "close: iteration ends, and what was accepted lives on",
      run: async (where, context) => {
        const listener = await openListener(context, where);
        const connections: Connection[] = [];
        const accepting = async () => {
          for await (const connection of listener) connections.push(connection);
        };
        const over = accepting();
        const clients: PeerConnection[] = [];
        for (let count = 0; count < 3; count++) {
          clients.push(await context.peer.connect(toListener(listener)));
        }
        context.defer(() => connections.forEach((one) => one.abort()));
        await eventually(() => connections.length === 3, 2_000, "Accepting");
        await staysPending(over, "The iteration", 30);
        await listener.close();
        await soon(over, "The iteration");
        for (const [index, connection] of connections.entries()) {
          await assertEcho(connection, clients[index]);
          await clients[index].close();
          await assertReadsEnd(connection);
          await soon(connection.closed, "closed");
        }
        for await (const _connection of listener) throw new Error("a connection behind the end");
      },
    },
    {
      name: "leaving the loop leaves the listener open",
      run: async (where, context) => {
        const listener = await openListener(context, where);
        const first = await context.peer.connect(toListener(listener));
        for await (const connection of listener) {
          context.defer(() => connection.abort());
          await assertEcho(connection, first);
          break;
        }
        const second = await context.peer.connect(toListener(listener));
        const connection = await listener.accept();
        context.defer(() => connection.abort());
        await assertEcho(connection, second);
      },
    },
    {
      name: "a signal closes it, with its reason as the cause",
      run: async (where, context) => {
        const canceller = new AbortController();
        const listener = await listen({ ...where, signal: canceller.signal });
        context.defer(() => listener.close());
        const client = await context.peer.connect(toListener(listener));
        const accepted = await listener.accept();
        context.defer(() => accepted.abort());
        const accepting = listener.accept();
        const reason = new Error("shutting down");
        canceller.abort(reason);
        const error = await errorOf(accepting, "accept()");
        checkClosed(error, listener.address, reason);
        assertStrictEquals(await errorOf(listener.accept(), "A later accept()"), error);
        await soon(listener.close(), "close()");
        await assertNobodyListens(toListener(listener));
        await assertEcho(accepted, client);
      },
    },
    {
      name: "a signal that has aborted already: its reason, and nothing is opened",
      run: async (where) => {
        const reason = { why: "never" };
        const opening = listen({ ...where, signal: AbortSignal.abort(reason) });
        assertStrictEquals(await errorOf(opening, "listen()"), reason);
        if ("path" in where) assert(!existsSync(where.path), "the path was made");
      },
    },
    {
      name: "a signal that aborts after close() changes nothing",
      run: async (where) => {
        const canceller = new AbortController();
        const listener = await listen({ ...where, signal: canceller.signal });
        await listener.close();
        canceller.abort(new Error("too late"));
        checkClosed(await errorOf(listener.accept(), "accept()"), listener.address);
      },
    },
    {
      name: "close: those whom nobody has accepted are told",
      run: async (where, context) => {
        const listener = await openListener(context, where);
        const clients: PeerConnection[] = [];
        for (let count = 0; count < 3; count++) {
          clients.push(await context.peer.connect(toListener(listener)));
        }
        await clients[0].write("hello");
        await sleep(50);
        await listener.close();
        const ends = await Promise.all(clients.map((client) => client.waitForEnd(2_000)));
        const told = "port" in where && capabilities().reset ? ["reset"] : ["reset", "fin"];
        for (const end of ends) assert(told.includes(end), end);
      },
    },
    {
      name: "listening again right after close, with connections still open",
      run: async (where, context) => {
        const first = await openListener(context, where);
        const client = await context.peer.connect(toListener(first));
        const connection = await first.accept();
        context.defer(() => connection.abort());
        // Ended by us first, so that a TIME_WAIT of the port is left.
        const ended = await context.peer.connect(toListener(first));
        const other = await first.accept();
        await Promise.all([other.close(), ended.waitForEnd().then(() => ended.close())]);
        const again = "port" in where ? { ...where, port: portOf(first) } : where;
        let listener = first;
        for (let round = 0; round < 3; round++) {
          await listener.close();
          listener = await openListener(context, again);
          const late = await context.peer.connect(toListener(listener));
          const accepted = await listener.accept();
          await assertEcho(accepted, late);
          await Promise.all([accepted.close(), late.waitForEnd().then(() => late.close())]);
        }
        await assertEcho(connection, client);
      },
    },
    {
      name: "closed while a connection is being accepted: it is handed out or dropped, never left",
      run: async (where, context) => {
        for (let round = 0; round < 20; round++) {
          const listener = await listen(where);
          const accepting = listener.accept();
          const opening = connect(toListener(listener));
          await sleep(round % 4);
          await listener.close();
          const [accepted, opened] = await Promise.allSettled([accepting, opening]);
          if (accepted.status === "fulfilled") context.defer(() => accepted.value.abort());
          else checkClosed(accepted.reason, listener.address);
          if (opened.status === "fulfilled") {
            context.defer(() => opened.value.abort());
            if (accepted.status === "rejected") {
              await soon(opened.value.closed.catch(() => {}), "The end of a connection nobody accepted");
            }
          }
        }
      },
    },
  ]),
);

cases("listener's backlog", [
  {
    name: "of those beyond it nobody is kept waiting: they are reset, or not let in",
    run: async (context) => {
      const { peer } = context;
      const listener = await openListener(context, { hostname: "127.0.0.1", port: 0, backlog: 2 });
      const { port } = listener.address as { port: number };
      const clients: PeerConnection[] = [];
      for (let count = 0; count < 6; count++) {
        const client = await peer.connect({ port, timeout: 200 }).catch(() => undefined);
        if (client) clients.push(client);
      }
      await sleep(50);
      const ends = await Promise.all(clients.map((client) => client.waitForEnd(200)));
      // The kernel's queue takes one more than it is told (listen(2)).
      const waiting = ends.filter((end) => end === "timeout").length;
      assert(waiting === 2 || waiting === 3, `${waiting} wait`);
      for (let count = 0; count < waiting; count++) {
        const connection = await soon(listener.accept(), "accept()");
        context.defer(() => connection.abort());
        await assertEcho(connection, clients[count]);
      }
    },
  },
]);

cases("listener on a path", [
  {
    name: "the path is there while it listens, and not afterwards",
    run: async (context) => {
      const path = socketPath(context);
      for (let round = 0; round < 3; round++) {
        const listener = await listen({ path });
        assertEquals(listener.address, { transport: "unix", path });
        assert(existsSync(path), "the path is not there");
        const client = await openConnection(context, { path });
        const server = await listener.accept();
        await listener.close();
        assert(!existsSync(path), "the path is still there");
        assertEquals([client.localAddress, client.remoteAddress], [
          { transport: "unix", path: "" },
          { transport: "unix", path },
        ]);
        assertEquals([server.localAddress, server.remoteAddress], [
          { transport: "unix", path },
          { transport: "unix", path: "" },
        ]);
        await soon(Promise.all([client.close(), server.close()]), "Both ends");
      }
    },
  },
  {
    name: "the same when a signal closes it",
    run: async (context) => {
      const path = socketPath(context);
      const canceller = new AbortController();
      const listener = await listen({ path, signal: canceller.signal });
      canceller.abort();
      await listener.close();
      assert(!existsSync(path), "the path is still there");
    },
  },
]);
