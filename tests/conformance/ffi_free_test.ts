/**
 * Connections work without any way to the kernel: no byte is lost, nobody is
 * flooded, and addresses and `noDelay` are what they are with FFI. Runs in the
 * lanes without FFI too.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { sha256 } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsOpening } from "../kit/means.ts";
import { inAllWays, openOwnPair, openPair, socketPath, type Way } from "../kit/pairs.ts";
import { assertSocketError, checkAddress } from "../kit/socket_error.ts";
import { queueStream, readStream } from "../kit/streams.ts";
import {
  bothWays,
  closeFlushes,
  closeGivesBack,
  closeWithUnread,
  flood,
  MiB,
  neverReads,
  ownBothWays,
  SLOW,
} from "./bytes.ts";

const PAIRS = 100;

const inEach = (name: string, run: (context: CaseContext, way: Way) => Promise<void>): Case => ({
  name,
  needs: needsOpening(),
  timeout: 40_000,
  run: (context) => inAllWays((way) => run(context, way)),
});

async function echoOnce(client: Connection, server: Connection, text: string): Promise<void> {
  const data = new TextEncoder().encode(text);
  await client.write(data);
  assertEquals(await readStream(server, { bytes: data.length }), {
    bytes: data.length,
    sha256: sha256(data),
  });
  await server.write(data);
  assertEquals(await readStream(client, { bytes: data.length }), {
    bytes: data.length,
    sha256: sha256(data),
  });
}

async function noDelays({ oracle }: CaseContext, ...connections: Connection[]): Promise<boolean[]> {
  const held = connections.map(({ localAddress, remoteAddress }) => oracle.read(localAddress, remoteAddress));
  return (await Promise.all(held)).map(({ nodelay }) => nodelay);
}

cases("without FFI", [
  inEach("both ways at once", (context, way) => bothWays(context, way, 8 * MiB, SLOW / 2)),
  {
    name: "both ways at once between two ends of ours",
    needs: needsOpening(),
    run: (context) => ownBothWays(context, 16 * MiB),
  },
  inEach("a flood that nobody reads, or nobody any more, is held back", async (context, way) => {
    await Promise.all([flood(context, way, 0), flood(context, way, 4 * MiB)]);
  }),
  inEach("close() flushes to a slow peer", (context, way) => closeFlushes(context, way, 8 * MiB, 40 * MiB)),
  inEach(
    "close() right after writing, with bytes unread and more arriving, loses nothing",
    (context, way) => closeWithUnread(context, way, false),
  ),
  inEach("close() while reads wait gives their buffers back", closeGivesBack),
  inEach("a peer that never reads: ETIMEDOUT after closeTimeout", neverReads),
  inEach("half-open: the answer comes behind the end of the question", async (context, way) => {
    const { connection, peer } = await openPair(context, way, { allowHalfOpen: true });
    const question = queueStream(connection, "question", MiB);
    const ending = connection.closeWrite();
    assertEquals(await peer.receive(), { bytes: MiB, sha256: question.sha256, end: "eof" });
    await ending;
    const { sent } = await peer.exchange({ bytes: 100_000, seed: "answer", fin: true }, { bytes: 0 });
    assertEquals(await readStream(connection), { bytes: 100_000, sha256: sent.sha256 });
    await connection.closed;
  }),
  inEach("a reset behind what was received is ECONNRESET and no end", async (context, way) => {
    const { connection, peer } = await openPair(context, way);
    const sent = await peer.send({ bytes: 20_000, seed: "before" });
    const came = await readStream(connection, { bytes: 20_000 });
    assertEquals(came, { bytes: 20_000, sha256: sent.sha256 });
    await connection.write(new Uint8Array(100));
    // With bytes unread close(2) is a reset, on a Unix socket too.
    await peer.close();
    const expected = { code: "ECONNRESET", op: "read" } as const;
    await assertSocketError(connection.read(new Uint8Array(1)), expected);
    await assertSocketError(connection.closed, expected);
  }),
  {
    name: `${PAIRS} pairs at once, over TCP and by path`,
    needs: needsOpening(),
    run: async (context) => {
      const path = (index: number) => index % 2 === 0 ? undefined : socketPath(context);
      await Promise.all(Array.from({ length: PAIRS }, async (_, index) => {
        const { client, server } = await openOwnPair(context, {}, path(index));
        await echoOnce(client, server, `pair ${index}`);
        await Promise.all([client.close(), server.close()]);
        await Promise.all([client.closed, server.closed]);
      }));
    },
  },
  {
    name: "addresses, and noDelay",
    needs: needsOpening(),
    run: async (context) => {
      const { client, server, listener } = await openOwnPair(context);
      for (const address of [client.localAddress, client.remoteAddress, listener.address]) {
        checkAddress(address);
      }
      assertEquals(client.remoteAddress, listener.address);
      assertEquals([server.localAddress, server.remoteAddress], [client.remoteAddress, client.localAddress]);
      assertEquals(await noDelays(context, client, server), [true, true]);
      for (const on of [false, true, false]) {
        client.setNoDelay(on);
        server.setNoDelay(on);
        assertEquals(await noDelays(context, client, server), [on, on]);
      }
      const slow = await openOwnPair(context, { noDelay: false });
      assertEquals(await noDelays(context, slow.client, slow.server), [false, false]);
    },
  },
  {
    name: "addresses of Unix sockets",
    needs: needsOpening(),
    run: async (context) => {
      const path = socketPath(context);
      const { client, server, listener } = await openOwnPair(context, {}, path);
      const [named, nameless] = [path, ""].map((path) => ({ transport: "unix", path }));
      assertEquals([listener.address, client.remoteAddress, server.localAddress], [named, named, named]);
      assertEquals([client.localAddress, server.remoteAddress], [nameless, nameless]);
      assert(Object.values(server.remoteAddress).every((value) => typeof value === "string"));
    },
  },
]);
