/**
 * Kernel truth with TLS: all four options, read by another process, before TLS
 * begins and after, and set while it lives.
 */
import { assert, assertEquals } from "@std/assert";
import { connect, type Connection, getKeepAlive, listen, setKeepAlive, tcpInfo } from "../../mod.ts";
import { type CaseContext, cases, testCase } from "../kit/cases.ts";
import { certificates } from "../kit/certificates.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import { inLibraryUnits, ODD_VALUES } from "../kit/oracle.ts";
import { portOf } from "../kit/pairs.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import {
  attemptTls,
  clientTls,
  openTlsPair,
  serverTls,
  TLS_CLIENT_WAYS,
  TLS_WAYS,
  trustingClient,
} from "../kit/tls.ts";
import { endsOf } from "./ends.ts";

const ALL = { idle: 11_000, interval: 4_000, count: 6, userTimeout: 33_000 };
const OTHERS = { idle: 21_000, interval: 5_000, count: 2, userTimeout: 0 };
const needs = [needsOpening(), needsFfi()];

/** Asserts that the kernel holds these, and that the library says the same of them. */
async function checkHeld({ oracle }: CaseContext, connection: Connection, values: typeof ALL): Promise<void> {
  const held = inLibraryUnits(await oracle.read(connection.localAddress, connection.remoteAddress));
  assertEquals(held, { enabled: true, ...values });
  const { detectsWithin: _, ...status } = connection.getKeepAlive();
  assertEquals(status, { ...held, source: "kernel", route: "ffi", notApplied: [] });
}

cases(
  "tls, kernel truth",
  TLS_WAYS.map((way) => ({
    name: `all four, then others, then off (${way})`,
    needs,
    run: async (context: CaseContext) => {
      const { connection, peer } = await openTlsPair(context, way, { keepAlive: ALL });
      await checkHeld(context, connection, ALL);
      connection.setKeepAlive(OTHERS);
      await checkHeld(context, connection, OTHERS);
      connection.setKeepAlive({ idle: null, interval: null, count: 9 });
      await checkHeld(context, connection, { ...OTHERS, count: 9 });
      assertEquals(connection.setKeepAlive(false).enabled, false);
      const held = await context.oracle.read(connection.localAddress, connection.remoteAddress);
      assertEquals([held.keepalive, held.keepidle], [false, 21]);
      // TLS has gone on.
      await connection.write(new Uint8Array(1_000));
      assertEquals((await peer.receive({ bytes: 1_000 })).bytes, 1_000);
    },
  })),
);

cases(
  "tls, the other settings",
  TLS_WAYS.map((way) => ({
    name: way,
    needs,
    run: async (context: CaseContext) => {
      const { connection } = await openTlsPair(context, way);
      await checkHeld(context, connection, { idle: 15_000, interval: 15_000, count: 9, userTimeout: 0 });
      const noDelay = async () =>
        (await context.oracle.read(connection.localAddress, connection.remoteAddress)).nodelay;
      assertEquals(await noDelay(), true);
      connection.setNoDelay(false);
      assertEquals(await noDelay(), false);
      connection.setNoDelay();
      assertEquals(await noDelay(), true);
      assertEquals(connection.info()?.state, "ESTABLISHED");
      assertEquals(tcpInfo(connection)?.state, "ESTABLISHED");
      assertEquals(setKeepAlive(connection, { count: 4 }).count, 4);
      assertEquals(getKeepAlive(connection).count, 4);
      connection.abort();
      const gone = { code: "ENOTCONN", ...endsOf(connection) };
      await assertSocketError(() => connection.setKeepAlive(true), { ...gone, op: "setKeepAlive" });
      await assertSocketError(() => connection.getKeepAlive(), { ...gone, op: "getKeepAlive" });
    },
  })),
);

testCase("tls, noDelay: false", { needs }, async (context) => {
  for (const way of TLS_WAYS) {
    const { connection } = await openTlsPair(context, way, { noDelay: false });
    const held = await context.oracle.read(connection.localAddress, connection.remoteAddress);
    assertEquals([way, held.nodelay], [way, false]);
  }
});

testCase("tls, kernel truth before startTls() and after", { needs }, async (context) => {
  const at = await context.peer.listen();
  const ours = await connect({ hostname: "localhost", port: at.port, keepAlive: ALL, tls: "starttls" });
  context.defer(() => ours.abort());
  const theirs = await at.accept();
  await checkHeld(context, ours, ALL);
  const starting = ours.startTls(clientTls());
  // In the middle of the handshake.
  await checkHeld(context, ours, ALL);
  ours.setKeepAlive(OTHERS);
  await checkHeld(context, ours, OTHERS);
  ours.setNoDelay(false);
  await theirs.secure(serverTls());
  await starting;
  await checkHeld(context, ours, OTHERS);
  assertEquals((await context.oracle.read(ours.localAddress, ours.remoteAddress)).nodelay, false);
  await context.oracle.presetOdd(ours);
  const { keepidle, keepintvl, keepcnt } = ODD_VALUES;
  await checkHeld(context, ours, {
    idle: keepidle * 1000,
    interval: keepintvl * 1000,
    count: keepcnt,
    userTimeout: 0,
  });
  ours.setKeepAlive(ALL);
  await checkHeld(context, ours, ALL);
});

testCase("tls, accepted: queued before the listener was set, and after", { needs }, async (context) => {
  const { cert, key } = certificates().good;
  await using listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    keepAlive: false,
    tls: { cert, key },
  });
  const open = async () => {
    const accepting = listener.accept();
    const peer = await context.peer.connect({ port: portOf(listener) });
    const [connection] = await Promise.all([accepting, peer.secure(trustingClient())]);
    context.defer(() => connection.abort());
    return connection;
  };
  assertEquals((await context.oracle.keepAliveOf(await open())).enabled, false);
  listener.setKeepAlive(ALL);
  await checkHeld(context, await open(), ALL);
});

cases(
  "tls, a client certificate and kernel truth",
  TLS_CLIENT_WAYS.slice(0, 1).map((way) => ({
    name: way,
    needs,
    run: async (context: CaseContext) => {
      const { cert, key } = certificates().client;
      const wants = { requestCert: true, caCerts: [certificates().authority.cert] };
      const options = { keepAlive: ALL, tls: clientTls({ cert, key }) };
      const tried = await attemptTls(context, way, options, (peer) => peer.secure(serverTls(wants)));
      assert(tried.connection, String(tried.error));
      assertEquals(tried.seen.peer, "client");
      await checkHeld(context, tried.connection, ALL);
    },
  })),
);
