/**
 * The scripted peer's own test, against plain sockets.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as netConnect } from "node:net";
import { tmpdir } from "node:os";
import { randomPieces, seededSha256, SeededStream, Sha256Stream } from "./bytes.ts";
import { cases } from "./cases.ts";
import { RequestError } from "./line_process.ts";
import { plainSocket } from "./plain_socket.ts";
import { eventually, sleep, withTimeout } from "./time.ts";

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
      const ended = new Promise<void>((resolve) => socket.on("end", () => resolve()));
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
      const done = new Promise<void>((resolve) => socket.on("end", () => resolve()));
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
    name: "connects from a given port, over Unix sockets, and counts what it accepted",
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
