/**
 * What a socket is made with besides keepalive: `noDelay`, `reusePort` and
 * `backlog`, as the kernel has them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { capabilities, type Connection, listen } from "../../mod.ts";
import { reusePortNeeds } from "../../core/capability.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { openListener, openOwnPair, openPair, portOf, socketPath, WAYS } from "../kit/pairs.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";

const { runtime, version } = capabilities();

async function noDelayOf({ oracle }: CaseContext, connection: Connection): Promise<boolean> {
  return (await oracle.read(connection.localAddress, connection.remoteAddress)).nodelay;
}

const NO_DELAY: Case[] = ([[undefined, true], [true, true], [false, false]] as const).map((
  [noDelay, held],
) => ({
  name: `noDelay ${noDelay ?? "not given"} is ${held} at both ends`,
  run: async (context) => {
    const { client, server } = await openOwnPair(context, noDelay === undefined ? {} : { noDelay });
    assertEquals([await noDelayOf(context, client), await noDelayOf(context, server)], [held, held]);
  },
}));

const SET_NO_DELAY: Case[] = WAYS.slice(0, 2).map((way) => ({
  name: `setNoDelay, ${way}`,
  run: async (context) => {
    const { connection, peer } = await openPair(context, way);
    for (const on of [false, true, true, false, undefined]) {
      connection.setNoDelay(on);
      assertEquals(await noDelayOf(context, connection), on ?? true);
    }
    // A write that waits holds back nobody.
    const writing = connection.write(new Uint8Array(32 * 1024 * 1024));
    connection.setNoDelay(false);
    assertEquals(await noDelayOf(context, connection), false);
    await Promise.all([writing, peer.receive({ bytes: 32 * 1024 * 1024 })]);
    await peer.close();
    await connection.close();
    try {
      connection.setNoDelay(true);
    } catch (error) {
      const { localAddress, remoteAddress } = connection;
      checkSocketError(error, { code: "ENOTCONN", op: "setNoDelay", localAddress, remoteAddress });
      return;
    }
    throw new Error("a closed connection took it");
  },
}));

/** Two listeners on one port; each gives its own options to whom it accepts. */
async function twoListeners(context: CaseContext): Promise<void> {
  const { oracle, peer } = context;
  const hostname = "127.0.0.1";
  const keepAlive = { idle: 21_000 };
  const one = await openListener(context, { hostname, port: 0, reusePort: true, keepAlive });
  const port = portOf(one);
  const other = await openListener(context, { hostname, port, reusePort: true, keepAlive: { idle: 22_000 } });
  const idles: number[] = [];
  const serving = [one, other].map(async (listener) => {
    for await (const connection of listener) {
      context.defer(() => connection.abort());
      idles.push((await oracle.keepAliveOf(connection)).idle);
    }
  });
  // The kernel picks by the addresses: of 60, one of two gets none in 1 of 10^18 runs.
  await Promise.all(Array.from({ length: 60 }, () => peer.connect({ port })));
  while (idles.length < 60) await new Promise((resolve) => setTimeout(resolve, 10));
  await Promise.all([one.close(), other.close(), ...serving]);
  assertEquals([...new Set(idles)].sort(), [21_000, 22_000]);
}

const BACKLOGS: Case[] = ([[undefined, 511], [1, 1], [7, 7], [511, 511], [1_000, 1_000]] as const).map((
  [backlog, held],
) => ({
  name: `backlog ${backlog ?? "not given"} is ${held}`,
  run: async (context) => {
    const options = { hostname: "127.0.0.1", port: 0 };
    const listener = await openListener(context, backlog === undefined ? options : { ...options, backlog });
    // tcpi_sacked of a listening socket is its backlog.
    assertEquals((await context.oracle.tcpInfo({ local: listener.address })).sacked, held);
  },
}));

cases("settings of sockets", [
  ...NO_DELAY,
  ...SET_NO_DELAY,
  {
    name: "noDelay of connect and of listen are each its own",
    run: async (context) => {
      const { client, server } = await openOwnPair(context, { noDelay: false });
      client.setNoDelay(true);
      assertEquals([await noDelayOf(context, client), await noDelayOf(context, server)], [true, false]);
    },
  },
  {
    name: "noDelay is nothing to a Unix socket",
    run: async (context) => {
      const { client, server } = await openOwnPair(context, { noDelay: false }, socketPath(context));
      client.setNoDelay(true);
      server.setNoDelay(false);
      await client.write(new Uint8Array(5));
      assertEquals(await server.read(new Uint8Array(9)), 5);
      await Promise.all([client.close(), server.close()]);
      for (const connection of [client, server]) {
        await assertSocketError(() => connection.setNoDelay(), { code: "ENOTCONN", op: "setNoDelay" });
      }
    },
  },
  {
    name: "reusePort: two listeners on one port, or a refusal that says what it needs",
    run: async (context) => {
      const needs = reusePortNeeds(runtime, version);
      if (!needs) return await twoListeners(context);
      const localAddress = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
      const opening = listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
      const expected = { code: "ENOTSUP", op: "listen", localAddress, remoteAddress: null } as const;
      const { message } = await assertSocketError(opening, expected);
      assertEquals(message, `Cannot listen on 127.0.0.1:0: reusePort needs ${needs} (ENOTSUP)`);
      assert((await context.oracle.all()).length === 0, "something was opened");
    },
  },
  {
    name: "without reusePort a port has one listener",
    run: async (context) => {
      const listener = await openListener(context, { hostname: "127.0.0.1", port: 0 });
      const again = listen({ hostname: "127.0.0.1", port: portOf(listener) });
      const expected = { code: "EADDRINUSE", op: "listen", localAddress: listener.address } as const;
      await assertSocketError(again, { ...expected, remoteAddress: null, cause: "error" });
    },
  },
  ...BACKLOGS,
]);
