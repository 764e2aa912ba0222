/**
 * The standard `connect` on sockets without TLS: each requirement of the
 * checklist, and what keepwire adds.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { connect, createConnector, type Socket } from "../../sockets.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import type { HeldSocket } from "../kit/oracle.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import { errorOf } from "./ends.ts";
import type { AnyStandardSocket } from "./sockets.ts";
import { openFarEnd } from "./sockets_far_end.ts";
import { drop, runRow } from "./sockets_run.ts";
import { PLAIN_ROWS } from "./sockets_rows.ts";

const rows: Case[] = PLAIN_ROWS.map((row) => ({
  name: row.name,
  needs: needsOpening(),
  run: async (context) => runRow(row, await openFarEnd(context.peer), context),
}));

async function opened(context: CaseContext, options?: Parameters<typeof connect>[1]): Promise<Socket> {
  const listener = await context.peer.listen();
  const socket = connect({ hostname: "127.0.0.1", port: listener.port }, options);
  context.defer(() => drop(socket as unknown as AnyStandardSocket));
  await socket.opened;
  return socket;
}

/** What the kernel holds for a socket. */
async function heldBy({ oracle }: CaseContext, socket: Socket): Promise<HeldSocket> {
  const { localAddress, remoteAddress } = await socket.opened;
  return await oracle.read(localAddress, remoteAddress);
}

const extras: Case[] = [
  {
    name: "keepAlive is what the kernel holds",
    needs: [needsOpening(), needsFfi()],
    run: async (context) => {
      const keepAlive = { idle: 41_000, interval: 7_000, count: 5, userTimeout: 33_000 };
      const held = await heldBy(context, await opened(context, { keepAlive }));
      const { keepalive, keepidle, keepintvl, keepcnt, usertimeout } = held;
      assertEquals([keepalive, keepidle, keepintvl, keepcnt, usertimeout], [true, 41, 7, 5, 33_000]);
    },
  },
  {
    name: "keepAlive is on by default, and off when asked",
    needs: needsOpening(),
    run: async (context) => {
      const on = await heldBy(context, await opened(context));
      const off = await heldBy(context, await opened(context, { keepAlive: false }));
      assertEquals([on.keepalive, off.keepalive], [true, false]);
      assertEquals([on.nodelay, off.nodelay], [true, true]);
      const slow = await heldBy(context, await opened(context, { noDelay: false }));
      assertEquals(slow.nodelay, false);
    },
  },
  {
    name: "timeout is ETIMEDOUT",
    needs: needsOpening(),
    run: async ({ peer }) => {
      const { port } = await peer.listenFull();
      const socket = connect({ hostname: "127.0.0.1", port }, { timeout: 200 });
      const error = await assertSocketError(socket.opened, { code: "ETIMEDOUT", op: "connect" });
      assertStrictEquals(await errorOf(socket.closed, "closed"), error);
      assertStrictEquals(await errorOf(socket.readable.getReader().read(), "The read"), error);
    },
  },
  {
    name: "a signal is the signal's reason, whenever it comes",
    needs: needsOpening(),
    run: async ({ peer }) => {
      const { port } = await peer.listenFull();
      const controller = new AbortController();
      const before = connect({ hostname: "127.0.0.1", port }, { signal: controller.signal });
      await sleep(50);
      const reason = new Error("why");
      controller.abort(reason);
      const after = connect({ hostname: "127.0.0.1", port }, { signal: controller.signal });
      for (const socket of [before, after]) {
        assertStrictEquals(await errorOf(socket.opened, "opened"), reason);
        assertStrictEquals(await errorOf(socket.closed, "closed"), reason);
      }
    },
  },
  {
    name: "close() gives a connect up that hangs",
    needs: needsOpening(),
    run: async ({ peer }) => {
      const { port } = await peer.listenFull();
      const socket = connect({ hostname: "127.0.0.1", port });
      await sleep(50);
      await socket.close();
      const error = await errorOf(socket.opened, "opened");
      checkSocketError(error, { code: "ECONNABORTED", op: "close" });
    },
  },
  {
    name: "C12 a connector refuses what its policy does not allow",
    needs: needsOpening(),
    run: async ({ peer }) => {
      const listener = await peer.listen();
      const asked: unknown[] = [];
      const connector = createConnector({
        allow: (address) => {
          asked.push(address);
          return false;
        },
      });
      const socket = connector.connect(`localhost:${listener.port}`);
      const error = await assertSocketError(socket.opened, { code: "EACCES", op: "connect" });
      assertStrictEquals(await errorOf(socket.closed, "closed"), error);
      assertEquals(asked, [{ hostname: "localhost", port: listener.port }]);
      await sleep(50);
      assertEquals(await listener.accepted(), 0);
    },
  },
  {
    name: "C13 a connector has defaults, which options override",
    needs: needsOpening(),
    run: async (context) => {
      const at = await context.peer.listen();
      const { port } = at;
      const { connect } = createConnector({ keepAlive: false, noDelay: false, caCerts: [], sni: "example" });
      const [by, over] = [connect(`127.0.0.1:${port}`), connect(`127.0.0.1:${port}`, { keepAlive: true })];
      const [first, second] = await Promise.all(
        [by, over].map((socket) => heldBy(context, socket)),
      );
      assertEquals([first.keepalive, first.nodelay], [false, false]);
      assertEquals([second.keepalive, second.nodelay], [true, false]);
      const theirs = [await at.accept(), await at.accept()];
      await Promise.all([by.close(), over.close()]);
      await Promise.all(theirs.map((peer) => peer.close()));
    },
  },
  {
    name: "options of others are ignored, ours in another case are not",
    needs: needsOpening(),
    run: async (context) => {
      const options = { highWaterMark: 1, cipher: "any", rejectUnauthorized: false } as object;
      await opened(context, options);
      for (const name of ["keepalive", "nodelay", "securetransport", "Timeout"]) {
        const wrong = { [name]: true } as object;
        const error = assertThrows(() => connect("127.0.0.1:9", wrong));
        checkSocketError(error, { code: "EINVAL", op: "connect", remoteAddress: null });
      }
    },
  },
  {
    name: "what is ours is checked before anything is opened",
    run: () => {
      const connects = (options: object) => () => connect("127.0.0.1:9", options);
      assertThrows(connects({ keepAlive: { idle: -1 } }), RangeError, "keepAlive.idle");
      assertThrows(connects({ keepAlive: { idel: 1 } }), TypeError, "keepAlive.idel");
      assertThrows(connects({ timeout: 0 }), RangeError, "timeout");
      assertThrows(connects({ noDelay: 1 }), TypeError, "noDelay");
      assertThrows(connects({ signal: {} }), TypeError, "signal");
      assertThrows(() => createConnector({ keepAlive: { count: 0 } }), RangeError, "keepAlive.count");
      assertThrows(() => createConnector({ allow: 5 as unknown as () => boolean }), TypeError, "allow");
    },
  },
  {
    name: "a cancelled readable throws away what comes",
    needs: needsOpening(),
    run: async (context) => {
      const listener = await context.peer.listen();
      const socket = connect(`127.0.0.1:${listener.port}`, { allowHalfOpen: true });
      const peer = await listener.accept();
      await socket.readable.cancel();
      assertEquals((await peer.send({ bytes: 8_000_000 })).end, "done");
      await peer.shutdown();
      await socket.writable.close();
      await socket.closed;
    },
  },
  {
    name: "aborting writable drops the connection, and says so",
    needs: needsOpening(),
    run: async (context) => {
      const socket = await opened(context);
      const reason = new Error("why");
      await socket.writable.abort(reason);
      const error = await errorOf(socket.closed, "closed");
      checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause: { value: reason } });
      assert(await errorOf(socket.readable.getReader().read(), "The read") === error, "another error");
    },
  },
];

cases("sockets", [...rows, ...extras]);
