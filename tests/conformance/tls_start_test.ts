/**
 * STARTTLS: a plain connection becomes one with TLS, and nothing of the one
 * gets into the other.
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities, connect, type Connection, type StartTlsOptions } from "../../mod.ts";
import { type CaseContext, cases, testCase } from "../kit/cases.ts";
import { openPair } from "../kit/pairs.ts";
import type { PeerConnection } from "../kit/peer.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { eventually } from "../kit/time.ts";
import { clientTls, openTlsPair, serverTls } from "../kit/tls.ts";
import { assertLatched, bytes, endsOf, errorOf, readText, soon, staysPending } from "./ends.ts";

const REFUSED = { code: "ENOTSUP", op: "startTls", cause: "none" } as const;

interface Plain {
  ours: Connection;
  theirs: PeerConnection;
  /** Both ends start TLS. */
  secure(options?: StartTlsOptions): Promise<Connection>;
}

/** A plain connection on which TLS may be started. */
async function openPlain({ peer, defer }: CaseContext): Promise<Plain> {
  const at = await peer.listen();
  const ours = await connect({ hostname: "localhost", port: at.port, tls: "starttls" });
  defer(() => ours.abort());
  const theirs = await at.accept();
  const secure = async (options: StartTlsOptions = clientTls()) => {
    const [secured, seen] = await Promise.all([ours.startTls(options), theirs.secure(serverTls())]);
    assertEquals(seen.error, null);
    return secured;
  };
  return { ours, theirs, secure };
}

async function talk({ ours, theirs }: Plain): Promise<void> {
  await ours.write(bytes("from us"));
  assertEquals(await theirs.readText(7), "from us");
  await theirs.write("from the peer");
  assertEquals(await readText(ours, 13), "from the peer");
}

/** Asserts that the peer learns at once that we have given up. */
async function assertGivenUp(theirs: PeerConnection): Promise<void> {
  const { end } = await theirs.receive({ timeout: 2_000 });
  if (capabilities().reset) assertEquals(end, "ECONNRESET");
  else assert(["eof", "ECONNRESET"].includes(end), end);
}

/** The same where an alert tells why, or not a byte of ours has been sent. */
async function assertEnded(theirs: PeerConnection): Promise<void> {
  const { end } = await theirs.receive({ timeout: 2_000 });
  assert(["eof", "ECONNRESET"].includes(end), end);
}

cases("startTls", [
  {
    name: "plain, then TLS, on the same object",
    run: async (context) => {
      const plain = await openPlain(context);
      const { ours } = plain;
      const { localAddress, remoteAddress } = ours;
      await talk(plain);
      assertStrictEquals(await plain.secure(), ours);
      assert(ours.tls !== undefined, "nothing is told of TLS");
      assertEquals(endsOf(ours), { localAddress, remoteAddress });
      await talk(plain);
      assertEquals((await plain.theirs.seen()).records[0], "handshake");
    },
  },
  {
    name: "what was written before goes before, what is written after goes under TLS, in order",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      const before = ["one ", "two "].map((text) => ours.write(bytes(text)));
      const plain = theirs.readText(8);
      const securing = ours.startTls(clientTls());
      const after = ["three ", "four "].map((text) => ours.write(bytes(text)));
      assertEquals(await plain, "one two ");
      await staysPending(Promise.race(after), "A write behind startTls()");
      assertEquals((await theirs.secure(serverTls())).error, null);
      await Promise.all([securing, ...before, ...after]);
      assertEquals(await theirs.readText(11), "three four ");
      const wire = new TextDecoder("latin1").decode((await theirs.seen()).first);
      assert(!/three|four/.test(wire), "plain text was sent");
    },
  },
  {
    name: "closeWrite() behind it ends TLS, not the plain stream",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      const securing = ours.startTls(clientTls());
      const ending = ours.closeWrite();
      assertEquals((await theirs.secure(serverTls())).error, null);
      await Promise.all([securing, ending]);
      assertEquals((await theirs.receive()).end, "eof");
    },
  },
  {
    name: "bytes that were read with the answer, and that nobody has asked for",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      await theirs.write("ready INJECTED");
      assertEquals(await readText(ours, 6), "ready ");
      const error = await errorOf(ours.startTls(clientTls()), "startTls", 5_000);
      checkSocketError(error, { code: "EPROTO", op: "startTls", ...endsOf(ours) });
      await assertLatched(ours, error);
      await assertGivenUp(theirs);
    },
  },
  {
    name: "bytes that come behind the answer",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      await theirs.write("ready ");
      assertEquals(await readText(ours, 6), "ready ");
      await theirs.write("INJECTED");
      const error = await errorOf(ours.startTls(clientTls()), "startTls", 5_000);
      checkSocketError(error, { code: "EPROTO", op: "startTls", ...endsOf(ours) });
      await assertLatched(ours, error);
      await assertEnded(theirs);
    },
  },
  {
    name: "an end that came before",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      await theirs.shutdown();
      await eventually(async () => (await theirs.status()).state !== "FIN_WAIT1", 2_000, "The FIN");
      const error = await errorOf(ours.startTls(clientTls()), "startTls", 5_000) as { code: string };
      assert(["ENOTCONN", "EPROTO", "ECONNRESET", "EPIPE"].includes(error.code), error.code);
    },
  },
  {
    name: "a read that waits: EBUSY, and it stays plain",
    run: async (context) => {
      const plain = await openPlain(context);
      const buffer = new Uint8Array(4);
      const reading = plain.ours.read(buffer);
      const { ours } = plain;
      await assertSocketError(ours.startTls(), { ...REFUSED, code: "EBUSY", ...endsOf(ours) });
      await plain.theirs.write("more");
      assertEquals(await reading, 4);
      await talk(plain);
      await plain.secure();
      await talk(plain);
    },
  },
  {
    name: "a second time: ENOTSUP, and TLS goes on",
    run: async (context) => {
      const plain = await openPlain(context);
      const { ours, theirs } = plain;
      const first = ours.startTls(clientTls());
      await assertSocketError(ours.startTls(clientTls()), { ...REFUSED, ...endsOf(ours) });
      await theirs.secure(serverTls());
      await first;
      await assertSocketError(ours.startTls(clientTls()), { ...REFUSED, ...endsOf(ours) });
      await talk(plain);
    },
  },
  {
    name: "an option that is none, and the connection is as it was",
    run: async (context) => {
      const plain = await openPlain(context);
      for (const wrong of [{ caCerts: "x" }, { rejectUnauthorized: false }, { cert: "x" }, { timeout: -1 }]) {
        const error = await errorOf(plain.ours.startTls(wrong as StartTlsOptions), "startTls");
        assert(error instanceof TypeError || error instanceof RangeError, String(error));
        assert(!("code" in error), String(error));
      }
      await talk(plain);
      await plain.secure();
      await talk(plain);
    },
  },
  {
    name: "a signal that has aborted already, and the connection is as it was",
    run: async (context) => {
      const plain = await openPlain(context);
      const reason = new Error("not now");
      const options = { ...clientTls(), signal: AbortSignal.abort(reason) };
      assertStrictEquals(await errorOf(plain.ours.startTls(options), "startTls"), reason);
      await talk(plain);
    },
  },
]);

/** A peer that answers no handshake. */
cases("startTls, a silent peer", [
  {
    name: "timeout",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      const began = performance.now();
      const error = await errorOf(ours.startTls({ ...clientTls(), timeout: 200 }), "startTls");
      const took = performance.now() - began;
      checkSocketError(error, { code: "ETIMEDOUT", op: "startTls", cause: "none", ...endsOf(ours) });
      assert(took > 195 && took < 1_200, `it took ${took} ms`);
      await assertLatched(ours, error);
      await assertGivenUp(theirs);
    },
  },
  {
    name: "signal",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      const canceller = new AbortController();
      const starting = ours.startTls({ ...clientTls(), signal: canceller.signal });
      await theirs.receive({ bytes: 5 });
      const reason = new Error("enough");
      canceller.abort(reason);
      assertStrictEquals(await errorOf(starting, "startTls"), reason);
      const error = await errorOf(ours.closed, "closed");
      checkSocketError(error, {
        code: "ECONNABORTED",
        op: "startTls",
        cause: { value: reason },
        ...endsOf(ours),
      });
      await assertLatched(ours, error);
      await assertGivenUp(theirs);
    },
  },
  {
    name: "abort()",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      const starting = ours.startTls(clientTls());
      const writing = ours.write(bytes("behind it"));
      await theirs.receive({ bytes: 5 });
      const reason = new Error("enough");
      ours.abort(reason);
      const error = await errorOf(starting, "startTls");
      checkSocketError(error, {
        code: "ECONNABORTED",
        op: "abort",
        cause: { value: reason },
        ...endsOf(ours),
      });
      assertStrictEquals(await errorOf(writing, "The write"), error);
      await assertLatched(ours, error);
      await assertGivenUp(theirs);
    },
  },
  {
    name: "close()",
    run: async (context) => {
      const { ours, theirs } = await openPlain(context);
      const starting = ours.startTls(clientTls());
      const writing = ours.write(bytes("behind it"));
      await theirs.receive({ bytes: 5 });
      await soon(ours.close(), "close()");
      const error = await errorOf(starting, "startTls");
      checkSocketError(error, { code: "ECONNABORTED", op: "abort", ...endsOf(ours) });
      assertStrictEquals(await errorOf(writing, "The write"), error);
      await assertGivenUp(theirs);
    },
  },
  {
    name: "connect: one timeout over TCP and TLS",
    run: async ({ peer }) => {
      const at = await peer.listen();
      const began = performance.now();
      const connecting = connect({ hostname: "127.0.0.1", port: at.port, timeout: 300, tls: clientTls() });
      const theirs = await at.accept();
      const { remoteAddress } = await assertSocketError(connecting, { code: "ETIMEDOUT", op: "connect" });
      const took = performance.now() - began;
      assertEquals(remoteAddress, at.address);
      assert(took > 295 && took < 1_300, `it took ${took} ms`);
      await assertGivenUp(theirs);
    },
  },
  {
    name: "connect: a signal",
    run: async ({ peer }) => {
      const at = await peer.listen();
      const canceller = new AbortController();
      const connecting = connect({ port: at.port, signal: canceller.signal, tls: clientTls() });
      const theirs = await at.accept();
      await theirs.receive({ bytes: 5 });
      const reason = new Error("enough");
      canceller.abort(reason);
      assertStrictEquals(await errorOf(connecting, "connect"), reason);
      await assertGivenUp(theirs);
    },
  },
]);

for (const way of ["connected", "accepted", "connected by path"] as const) {
  testCase(`startTls on a connection that was not opened for it: ${way}`, {}, async (context) => {
    const { connection, peer } = await openPair(context, way);
    await assertSocketError(connection.startTls(clientTls()), { ...REFUSED, ...endsOf(connection) });
    assertEquals(connection.tls, undefined);
    await talk({ ours: connection, theirs: peer } as Plain);
  });
}

testCase("startTls on a connection that has had TLS from the start", {}, async (context) => {
  const { connection, peer } = await openTlsPair(context, "connected with TLS");
  await assertSocketError(connection.startTls(clientTls()), { ...REFUSED, ...endsOf(connection) });
  await talk({ ours: connection, theirs: peer } as Plain);
});
