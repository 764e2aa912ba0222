/**
 * TLS as the server: who may come in, who may not, and that the one does not
 * disturb the other.
 */
import { assert, assertEquals } from "@std/assert";
import { capabilities, connect, type Connection, type Listener, type ListenTlsOptions } from "../../mod.ts";
import { type Case, type CaseContext, cases, testCase } from "../kit/cases.ts";
import { certificates, type Certified } from "../kit/certificates.ts";
import { openListener, portOf } from "../kit/pairs.ts";
import type { PeerConnection, PeerTls, PeerTlsOptions } from "../kit/peer.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import { clientTls, trustingClient } from "../kit/tls.ts";
import { bytes, readText, staysPending } from "./ends.ts";

const { requestCert: REQUESTS, info: INFO } = capabilities().tls;
const all = certificates;

/** Milliseconds in which a client must have shaken hands. */
const LIMIT = 10_000;

async function listenTls(context: CaseContext, options: Partial<ListenTlsOptions> = {}): Promise<Listener> {
  const { cert, key } = all().good;
  return await openListener(context, { hostname: "127.0.0.1", port: 0, tls: { cert, key, ...options } });
}

interface Guest {
  peer: PeerConnection;
  seen: PeerTls;
}

/** A client of the peer's. */
async function visit(
  context: CaseContext,
  listener: Listener,
  options: PeerTlsOptions = {},
): Promise<Guest> {
  const peer = await context.peer.connect({ port: portOf(listener) });
  return { peer, seen: await peer.secure(trustingClient({ timeout: 5_000, ...options })) };
}

async function accept({ defer }: CaseContext, listener: Listener): Promise<Connection> {
  const connection = await listener.accept();
  defer(() => connection.abort());
  return connection;
}

async function talk(ours: Connection, { peer }: Guest): Promise<void> {
  await ours.write(bytes("from us"));
  assertEquals(await peer.readText(7), "from us");
  await peer.write("from the client");
  assertEquals(await readText(ours, 15), "from the client");
}

/** Asserts that a client is refused, with not one byte of ours, and that the next one is welcome. */
async function refuses(
  context: CaseContext,
  listener: Listener,
  act: (port: number) => Promise<PeerConnection>,
  welcome: PeerTlsOptions = {},
): Promise<void> {
  const accepting = accept(context, listener);
  const intruder = await act(portOf(listener));
  const { bytes: count, end } = await intruder.receive({ timeout: 5_000, keep: true });
  // Of a client that speaks no TLS an alert is all that comes.
  assert(count <= 7 && end !== "timeout", `${count} bytes, then ${end}`);
  await staysPending(accepting, "accept()");
  const guest = await visit(context, listener, welcome);
  assertEquals(guest.seen.error, null);
  await talk(await accepting, guest);
}

interface Intruder {
  name: string;
  act: (peer: PeerConnection) => Promise<unknown>;
  needs?: boolean;
}

const refusedClient = (options: PeerTlsOptions) => async (peer: PeerConnection) => {
  const { error } = await peer.secure(trustingClient({ timeout: 5_000, ...options }));
  assert(error !== null && error !== "timeout", `it was accepted: ${error}`);
};

const INTRUDERS: Intruder[] = [
  { name: "plain text", act: (peer) => peer.write("GET / HTTP/1.1\r\n\r\n") },
  { name: "garbage", act: (peer) => peer.write(new Uint8Array(1_000).fill(0x16)) },
  { name: "FIN at once", act: (peer) => peer.shutdown() },
  {
    name: "FIN in the middle of a record",
    act: async (peer) => {
      await peer.write(new Uint8Array([0x16, 3, 1, 1, 0, 1]));
      await peer.shutdown();
    },
  },
  { name: "TLS 1.1", act: refusedClient({ maximum: "TLSv1.1" }) },
  { name: "ALPN, none in common", act: refusedClient({ alpnProtocols: ["theirs"] }) },
  { name: "one that does not trust us", act: refusedClient({ caCerts: [all().stranger.cert] }) },
];

cases(
  "tls server: not disturbed by a client",
  INTRUDERS.map(({ name, act }): Case => ({
    name,
    run: async (context) => {
      const listener = await listenTls(context, { alpnProtocols: ["ours"] });
      await refuses(context, listener, async (port) => {
        const peer = await context.peer.connect({ port });
        await act(peer);
        return peer;
      });
    },
  })),
);

testCase("tls server: not disturbed by RST, at once and in the middle", {}, async (context) => {
  const listener = await listenTls(context);
  const accepting = accept(context, listener);
  for (const delay of [0, 0, 5, 20]) {
    const peer = await context.peer.connect({ port: portOf(listener) });
    if (delay > 5) await peer.write(new Uint8Array([0x16, 3, 1, 1, 0, 1]));
    await peer.reset({ delay });
  }
  await staysPending(accepting, "accept()");
  const guest = await visit(context, listener);
  await talk(await accepting, guest);
});

interface AlpnRow {
  name: string;
  ours?: string[];
  theirs?: string[];
  chosen?: string;
}

const ALPN: AlpnRow[] = [
  { name: "the one in common", ours: ["first", "second"], theirs: ["third", "second"], chosen: "second" },
  { name: "the server's best", ours: ["first", "second"], theirs: ["second", "first"], chosen: "first" },
  { name: "beyond ASCII", ours: ["protocole é"], theirs: ["protocole é"], chosen: "protocole é" },
  { name: "of the server alone", ours: ["first"] },
  { name: "of the client alone", theirs: ["first"] },
];

cases(
  "tls server: ALPN",
  ALPN.map(({ name, ours, theirs, chosen }): Case => ({
    name,
    run: async (context) => {
      const listener = await listenTls(context, ours ? { alpnProtocols: ours } : {});
      const [connection, guest] = await Promise.all([
        accept(context, listener),
        visit(context, listener, theirs ? { alpnProtocols: theirs } : {}),
      ]);
      assertEquals([guest.seen.error, guest.seen.alpnProtocol], [null, chosen ?? null]);
      assertEquals(connection.tls?.alpnProtocol, chosen);
      if (INFO) assertEquals(connection.tls?.version, guest.seen.version);
      assertEquals(connection.tls?.peerCertificate, undefined);
      await talk(connection, guest);
    },
  })),
);

const NEEDS_REQUEST = { capability: "tls.requestCert", available: REQUESTS };

const CLIENTS: [name: string, version: "TLSv1.2" | "TLSv1.3", ours: () => Certified | undefined][] =
  (["TLSv1.2", "TLSv1.3"] as const).flatMap((version) => [
    ["none", version, () => undefined],
    ["of a stranger", version, () => all().strangeClient],
    ["not meant for clients", version, () => all().good],
  ]);

cases(
  "tls server: a client's certificate, refused",
  CLIENTS.map(([name, version, ours]): Case => ({
    name: `${name}, ${version}`,
    needs: NEEDS_REQUEST,
    run: async (context) => {
      const { authority, client } = all();
      const listener = await listenTls(context, { requestCert: true, caCerts: [authority.cert] });
      const { cert, key } = ours() ?? {};
      const told = cert ? { cert, key } : {};
      await refuses(context, listener, async (port) => {
        const peer = await context.peer.connect({ port });
        await peer.secure(trustingClient({ minimum: version, maximum: version, ...told }));
        return peer;
      }, { cert: client.cert, key: client.key });
    },
  })),
);

cases(
  "tls server: a client's certificate, accepted",
  (["TLSv1.2", "TLSv1.3"] as const).map((version): Case => ({
    name: version,
    needs: NEEDS_REQUEST,
    run: async (context) => {
      const { authority, client } = all();
      const listener = await listenTls(context, { requestCert: true, caCerts: [authority.cert] });
      const { cert, key } = client;
      const [connection, guest] = await Promise.all([
        accept(context, listener),
        visit(context, listener, { cert, key, minimum: version, maximum: version }),
      ]);
      assertEquals(guest.seen.error, null);
      assertEquals(connection.tls?.version, version);
      assertEquals(connection.tls?.peerCertificate?.subject, "CN=client");
      await talk(connection, guest);
    },
  })),
);

testCase("tls server: asking for a client's certificate is refused where it is not possible", {
  needs: { capability: "no tls.requestCert", available: !REQUESTS },
}, async (context) => {
  const opening = listenTls(context, { requestCert: true, caCerts: [all().authority.cert] });
  await assertSocketError(opening, { code: "ENOTSUP", op: "listen", cause: "none" });
});

cases("tls server: silent clients", [
  {
    name: "they hold up nobody, and are dropped",
    timeout: 30_000,
    run: async (context) => {
      const listener = await listenTls(context);
      const began = performance.now();
      const silent = await Promise.all(
        Array.from({ length: 20 }, () => context.peer.connect({ port: portOf(listener) })),
      );
      await silent[0].write(new Uint8Array([0x16, 3, 1, 1, 0, 1]));
      for (let turn = 0; turn < 3; turn++) {
        const [connection, guest] = await Promise.all([accept(context, listener), visit(context, listener)]);
        await talk(connection, guest);
      }
      assert(performance.now() - began < LIMIT / 2, "they hold up others");
      const accepting = listener.accept();
      accepting.catch(() => {});
      const ends = await Promise.all(silent.map((peer) => peer.receive({ timeout: LIMIT + 5_000 })));
      const took = performance.now() - began;
      assert(
        ends.every(({ end }) => end === "ECONNRESET" || end === "eof"),
        ends.map(({ end }) => end).join(),
      );
      assert(took > LIMIT - 500 && took < LIMIT + 5_000, `it took ${took} ms`);
      await listener.close();
    },
  },
  {
    name: "close() of the listener ends their handshakes",
    run: async (context) => {
      const listener = await listenTls(context);
      const accepting = listener.accept();
      const silent = await Promise.all(
        Array.from({ length: 5 }, () => context.peer.connect({ port: portOf(listener) })),
      );
      await silent[0].write(new Uint8Array([0x16, 3, 1, 1, 0, 1]));
      await sleep(100);
      const ended = assertSocketError(accepting, { code: "ECONNABORTED", op: "accept" });
      await listener.close();
      await ended;
      const ends = await Promise.all(silent.map((peer) => peer.receive({ timeout: 3_000 })));
      assert(
        ends.every(({ end }) => end === "ECONNRESET" || end === "eof"),
        ends.map(({ end }) => end).join(),
      );
    },
  },
]);

testCase("tls server: many clients of ours at once", {}, async (context) => {
  const listener = await listenTls(context, { alpnProtocols: ["echo"] });
  const serving = (async () => {
    for await (const connection of listener) {
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  const one = async (number: number) => {
    const tls = clientTls({ alpnProtocols: ["echo"] });
    const connection = await connect({ hostname: "localhost", port: portOf(listener), tls });
    context.defer(() => connection.abort());
    assertEquals(connection.tls?.alpnProtocol, "echo");
    const text = `client ${number}`;
    await connection.write(bytes(text));
    assertEquals(await readText(connection, text.length), text);
    await connection.close();
    await connection.closed;
  };
  await Promise.all(Array.from({ length: 40 }, (_, number) => one(number)));
  await listener.close();
  await serving;
});
