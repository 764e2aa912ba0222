/**
 * What cannot be opened: nobody there, no such name, an address in use; and
 * the two limits of `connect`, `timeout` and `signal`.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { writeFileSync } from "node:fs";
import { type Address, connect, listen } from "../../mod.ts";
import { cases } from "../kit/cases.ts";
import { needsFfi } from "../kit/means.ts";
import { openConnection, openListener, portOf, socketPath } from "../kit/pairs.ts";
import type { PeerListener } from "../kit/peer.ts";
import { checkSocketError, type ExpectedSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import { assertReadsEnd, bytes, errorOf, readText, soon } from "./ends.ts";

const LOOPBACK = "127.0.0.1";
/** A name that never exists (RFC 6761, section 6.4). */
const NOWHERE = "keepwire.invalid";

const tcp = (hostname: string, port: number): Address => ({ transport: "tcp", hostname, port });
const unix = (path: string): Address => ({ transport: "unix", path });

/** What is known of the error of a `connect` to `remoteAddress`. */
function ofConnect(code: string, remoteAddress: Address): ExpectedSocketError {
  return { code, op: "connect", localAddress: null, remoteAddress, cause: "error" };
}

/** The same of a `listen`. */
function ofListen(code: string, localAddress: Address): ExpectedSocketError {
  return { code, op: "listen", localAddress, remoteAddress: null, cause: "error" };
}

/** A resolver that knows says so; one that cannot ask says that instead. */
function checkNoSuchName(error: unknown, expected: ExpectedSocketError): void {
  const code = (error as { code?: string } | undefined)?.code === "EAI_AGAIN" ? "EAI_AGAIN" : "ENOTFOUND";
  checkSocketError(error, { ...expected, code });
}

cases("connect fails", [
  {
    name: "refused",
    run: async ({ peer }) => {
      for (const hostname of [LOOPBACK, "::1"]) {
        const port = await peer.freePort(hostname === LOOPBACK ? hostname : undefined);
        const error = await errorOf(connect({ hostname, port }), "connect()");
        checkSocketError(error, ofConnect("ECONNREFUSED", tcp(hostname, port)));
      }
    },
  },
  {
    name: "refused at every address of a name",
    run: async ({ peer }) => {
      const port = await peer.freePort();
      const error = await errorOf(connect({ hostname: "localhost", port }), "connect()");
      checkSocketError(error, ofConnect("ECONNREFUSED", tcp("localhost", port)));
    },
  },
  {
    name: "a Unix path that is not there",
    run: async (context) => {
      const path = socketPath(context);
      const error = await errorOf(connect({ path }), "connect()");
      checkSocketError(error, ofConnect("ENOENT", unix(path)));
      const below = `${path}/deeper/socket`;
      const other = await errorOf(connect({ path: below }), "connect()");
      checkSocketError(other, ofConnect("ENOENT", unix(below)));
    },
  },
  {
    name: "a Unix socket on which nobody listens, and a file that is none",
    run: async (context) => {
      const path = socketPath(context);
      // The peer leaves its path behind. A thread of it that accepts would hold the socket a little longer.
      await (await context.peer.listen({ path, autoAccept: false })).close();
      const error = await errorOf(connect({ path }), "connect()");
      checkSocketError(error, ofConnect("ECONNREFUSED", unix(path)));
      const file = socketPath(context);
      writeFileSync(file, "");
      const other = await errorOf(connect({ path: file }), "connect()");
      checkSocketError(other, ofConnect("ECONNREFUSED", unix(file)));
    },
  },
  {
    name: "a name that does not exist",
    timeout: 40_000,
    run: async () => {
      const error = await errorOf(connect({ hostname: NOWHERE, port: 9 }), "connect()", 30_000);
      checkNoSuchName(error, ofConnect("ENOTFOUND", tcp(NOWHERE, 9)));
    },
  },
  {
    name: "a Unix socket whose backlog is full does not make anybody wait: EBUSY",
    run: async (context) => {
      const path = socketPath(context);
      await context.peer.listen({ path, backlog: 0, autoAccept: false });
      await openConnection(context, { path });
      const error = await errorOf(connect({ path, timeout: 1_000 }), "connect()");
      checkSocketError(error, ofConnect("EBUSY", unix(path)));
    },
  },
  {
    name: "200 times refused leave nothing behind",
    run: async ({ oracle, peer }) => {
      const port = await peer.freePort();
      const before = await oracle.countFds();
      for (let round = 0; round < 10; round++) {
        const refusals = Array.from({ length: 20 }, () => errorOf(connect({ port }), "connect()", 5_000));
        for (const error of await Promise.all(refusals)) {
          checkSocketError(error, ofConnect("ECONNREFUSED", tcp(LOOPBACK, port)));
        }
      }
      assert((await oracle.countFds()).total <= before.total + 2, "file descriptors are left");
    },
  },
]);

cases("listen fails", [
  {
    name: "the port is in use, by us or by the peer",
    run: async (context) => {
      const ports = [
        portOf(await openListener(context, { hostname: LOOPBACK, port: 0 })),
        (await context.peer.listen()).port,
      ];
      for (const port of ports) {
        const error = await errorOf(listen({ hostname: LOOPBACK, port }), "listen()");
        checkSocketError(error, ofListen("EADDRINUSE", tcp(LOOPBACK, port)));
      }
    },
  },
  {
    name: "the path is in use, by a listener or by what one left behind",
    run: async (context) => {
      const path = socketPath(context);
      const listener = await context.peer.listen({ path });
      const inUse = async () => {
        const error = await errorOf(listen({ path }), "listen()");
        checkSocketError(error, ofListen("EADDRINUSE", unix(path)));
      };
      await inUse();
      const ours = await openConnection(context, { path });
      await ours.write(bytes("it lives"));
      assertEquals(await (await listener.accept()).readText(8), "it lives");
      await listener.close();
      await inUse();
    },
  },
  {
    name: "an address that is not ours",
    run: async () => {
      // TEST-NET-1 (RFC 5737): nobody has it.
      const error = await errorOf(listen({ hostname: "192.0.2.1", port: 0 }), "listen()");
      checkSocketError(error, ofListen("EADDRNOTAVAIL", tcp("192.0.2.1", 0)));
    },
  },
  {
    name: "a name that does not exist",
    timeout: 40_000,
    run: async () => {
      const error = await errorOf(listen({ hostname: NOWHERE, port: 0 }), "listen()", 30_000);
      checkNoSuchName(error, ofListen("ENOTFOUND", tcp(NOWHERE, 0)));
    },
  },
]);

/** Asserts that a connection moves bytes and ends in good order. */
async function assertWorks(ours: Awaited<ReturnType<typeof connect>>, listener: PeerListener): Promise<void> {
  const theirs = await listener.accept();
  await ours.write(bytes("there"));
  assertEquals(await theirs.readText(5), "there");
  await theirs.write("back");
  assertEquals(await readText(ours, 4), "back");
  await theirs.shutdown();
  await assertReadsEnd(ours);
  await soon(ours.closed, "closed");
}

cases("connect with timeout", [
  {
    name: "backlog full: ETIMEDOUT, and nothing is left",
    run: async ({ peer, oracle }) => {
      const { port } = await peer.listenFull();
      const before = await oracle.countFds();
      const started = performance.now();
      const error = await errorOf(connect({ port, timeout: 300 }), "connect()");
      const milliseconds = performance.now() - started;
      assert(milliseconds >= 290, `it took ${milliseconds} ms`);
      const expected = { ...ofConnect("ETIMEDOUT", tcp(LOOPBACK, port)), cause: "none" } as const;
      checkSocketError(error, expected);
      await sleep(20);
      assertEquals((await oracle.countFds()).sockets, before.sockets);
    },
  },
  {
    name: "backlog full, by name",
    run: async ({ peer }) => {
      const { port } = await peer.listenFull();
      const error = await errorOf(connect({ hostname: "localhost", port, timeout: 300 }), "connect()");
      // ::1 may refuse, but 127.0.0.1 never answers.
      checkSocketError(error, { ...ofConnect("ETIMEDOUT", tcp("localhost", port)), cause: "none" });
    },
  },
  {
    name: "it does not touch a connection that came in time",
    run: async (context) => {
      const listener = await context.peer.listen();
      const ours = await openConnection(context, { port: listener.port, timeout: 300 });
      await sleep(400);
      await assertWorks(ours, listener);
    },
  },
  {
    name: "a signal that aborts first, and one that aborts later",
    run: async ({ peer }) => {
      const { port } = await peer.listenFull();
      const early = connect({ port, timeout: 2_000, signal: AbortSignal.timeout(100) });
      assertEquals((await errorOf(early, "connect()") as Error).name, "TimeoutError");
      const late = connect({ port, timeout: 100, signal: AbortSignal.timeout(2_000) });
      const expected = { ...ofConnect("ETIMEDOUT", tcp(LOOPBACK, port)), cause: "none" } as const;
      checkSocketError(await errorOf(late, "connect()"), expected);
    },
  },
]);

cases("connect with a user timeout", [
  {
    name: "backlog full: it bounds the answer to the SYN, and nothing is left",
    needs: needsFfi(),
    run: async ({ peer, oracle }) => {
      const { port } = await peer.listenFull();
      const before = await oracle.countFds();
      for (const more of [{}, { timeout: 5_000 }]) {
        const started = performance.now();
        const error = await errorOf(connect({ port, keepAlive: { userTimeout: 300 }, ...more }), "connect()");
        const milliseconds = performance.now() - started;
        assert(milliseconds >= 290 && milliseconds < 2_200, `it took ${milliseconds} ms`);
        checkSocketError(error, { ...ofConnect("ETIMEDOUT", tcp(LOOPBACK, port)), cause: "none" });
        await sleep(20);
        assertEquals((await oracle.countFds()).sockets, before.sockets);
      }
    },
  },
  {
    name: "a signal that aborts first, and a timeout that is over first",
    needs: needsFfi(),
    run: async ({ peer }) => {
      const { port } = await peer.listenFull();
      const keepAlive = { userTimeout: 2_000 };
      const aborted = connect({ port, keepAlive, signal: AbortSignal.timeout(100) });
      assertEquals((await errorOf(aborted, "connect()") as Error).name, "TimeoutError");
      const started = performance.now();
      await errorOf(connect({ port, keepAlive, timeout: 100 }), "connect()");
      const milliseconds = performance.now() - started;
      assert(milliseconds < 1_000, `it took ${milliseconds} ms`);
    },
  },
  {
    name: "it does not touch a connection that came in time",
    needs: needsFfi(),
    run: async (context) => {
      const listener = await context.peer.listen();
      const ours = await openConnection(context, { port: listener.port, keepAlive: { userTimeout: 300 } });
      await sleep(400);
      await assertWorks(ours, listener);
    },
  },
]);

cases("connect with signal", [
  {
    name: "aborted before: its reason, and nothing is opened",
    run: async (context) => {
      const listener = await context.peer.listen();
      const path = socketPath(context);
      const local = await context.peer.listen({ path });
      const reason = { why: "not at all" };
      for (
        const target of [{ port: listener.port }, { path }, { hostname: "localhost", port: listener.port }]
      ) {
        const opening = connect({ ...target, signal: AbortSignal.abort(reason) });
        assertStrictEquals(await errorOf(opening, "connect()"), reason);
      }
      await sleep(50);
      assertEquals([await listener.accepted(), await local.accepted()], [0, 0]);
    },
  },
  {
    name: "aborted during, with the backlog full: its reason at once, and nothing is left",
    run: async ({ peer, oracle }) => {
      const full = await peer.listenFull();
      const before = await oracle.countFds();
      for (const hostname of [LOOPBACK, "localhost"]) {
        const canceller = new AbortController();
        const opening = connect({ hostname, port: full.port, signal: canceller.signal });
        await sleep(100);
        const started = performance.now();
        const reason = new Error("changed my mind");
        canceller.abort(reason);
        assertStrictEquals(await errorOf(opening, "connect()"), reason);
        const milliseconds = performance.now() - started;
        assert(milliseconds < 500, `it took ${milliseconds} ms`);
        await sleep(20);
        assertEquals((await oracle.countFds()).sockets, before.sockets, hostname);
      }
    },
  },
  {
    name: "aborted in the same turn as connect(): its reason, and nothing is left",
    run: async ({ peer }) => {
      const listener = await peer.listen();
      for (const hostname of [LOOPBACK, "localhost"]) {
        const canceller = new AbortController();
        const opening = connect({ hostname, port: listener.port, signal: canceller.signal });
        canceller.abort();
        const error = await errorOf(opening, "connect()");
        assertStrictEquals(error, canceller.signal.reason);
        assertEquals((error as Error).name, "AbortError");
      }
    },
  },
  {
    name: "aborted about when it comes: a connection or the reason, and nothing else is left",
    run: async (context) => {
      const { port } = await context.peer.listen();
      for (let round = 0; round < 60; round++) {
        const canceller = new AbortController();
        const hostname = round % 2 ? LOOPBACK : "localhost";
        const opening = connect({ hostname, port, signal: canceller.signal });
        opening.catch(() => {});
        if (round % 3) await sleep(round % 4);
        else await Promise.resolve();
        canceller.abort(round);
        const [found] = await Promise.allSettled([opening]);
        if (found.status === "rejected") assertStrictEquals(found.reason, round);
        else await Promise.all([found.value.write(bytes("open")), sleep(0)]).then(() => found.value.abort());
      }
    },
  },
  {
    name: "aborted after: nothing happens to the connection",
    run: async (context) => {
      const listener = await context.peer.listen();
      const canceller = new AbortController();
      const ours = await openConnection(context, { port: listener.port, signal: canceller.signal });
      canceller.abort(new Error("too late"));
      await assertWorks(ours, listener);
    },
  },
]);
