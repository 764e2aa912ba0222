/**
 * What a client may talk to, and what the two ends then know of each other:
 * the peer says what it was sent, `Connection.tls` what we were.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { assertEquals } from "@std/assert";
import { capabilities, type Connection, type TlsInfo, type TlsOptions } from "../../mod.ts";
import { type Case, type CaseContext, cases, testCase } from "../kit/cases.ts";
import { certificates, type Certified } from "../kit/certificates.ts";
import { spawnRuntime } from "../kit/driver.ts";
import type { PeerConnection, PeerTls, PeerTlsOptions } from "../kit/peer.ts";
import { librarySpecifier } from "../kit/runtime.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { attemptTls, clientTls, serverTls, TLS_CLIENT_WAYS, type TlsWay } from "../kit/tls.ts";
import { bytes, endsOf, readText } from "./ends.ts";

const all = certificates;
const { info: INFO, clientCert: CLIENT_CERT } = capabilities().tls;

interface Row {
  name: string;
  certificate?: () => Certified;
  theirs?: PeerTlsOptions;
  ours?: TlsOptions;
  hostname?: string;
  /** The name that the peer was sent. Default `localhost`. */
  sent?: string | null;
  protocol?: string;
  version?: "TLSv1.2" | "TLSv1.3";
}

const ROWS: Row[] = [
  { name: "its name" },
  { name: "its address, and no name is sent", hostname: "127.0.0.1", sent: null },
  { name: "its address of IPv6, and no name is sent", hostname: "::1", sent: null },
  { name: "a name by serverName", hostname: "127.0.0.1", ours: { serverName: "localhost" } },
  { name: "an address by serverName, and no name is sent", ours: { serverName: "127.0.0.1" }, sent: null },
  { name: "a name in other letters", ours: { serverName: "LocalHost" }, sent: "localhost" },
  {
    name: "a wildcard",
    certificate: () => all().wildcard,
    ours: { serverName: "a.example.test" },
    sent: "a.example.test",
  },
  { name: "an intermediate one", certificate: () => all().chained },
  { name: "one of several authorities in one text", ours: { caCerts: [] } },
  { name: "TLS 1.2", theirs: { maximum: "TLSv1.2" }, version: "TLSv1.2" },
  { name: "TLS 1.3", theirs: { minimum: "TLSv1.3" }, version: "TLSv1.3" },
  {
    name: "ALPN, the one in common",
    ours: { alpnProtocols: ["first", "second"] },
    theirs: { alpnProtocols: ["third", "second"] },
    protocol: "second",
  },
  {
    name: "ALPN in letters of any language",
    ours: { alpnProtocols: ["protocole é"] },
    theirs: { alpnProtocols: ["protocole é"] },
    protocol: "protocole é",
  },
  {
    name: "ALPN, none in common, and the peer does not mind",
    ours: { alpnProtocols: ["first"] },
    theirs: { alpnProtocols: ["second"] },
  },
  { name: "ALPN of ours alone", ours: { alpnProtocols: ["first"] } },
  { name: "ALPN of the peer's alone", theirs: { alpnProtocols: ["first"] } },
];

cases(
  "tls: accepted",
  TLS_CLIENT_WAYS.flatMap((way) =>
    ROWS.map((row): Case => ({ name: `${row.name} (${way})`, run: (context) => accepted(context, row, way) }))
  ),
);

async function accepted(context: CaseContext, row: Row, way: TlsWay): Promise<void> {
  const { hostname = "localhost", sent = "localhost", protocol, version } = row;
  const tls = clientTls(row.ours);
  // In the middle of others, and with what tools write around it.
  if (tls.caCerts?.length === 0) tls.caCerts = [severalInOne()];
  const meet = (peer: PeerConnection) => peer.secure(serverTls(row.theirs, row.certificate?.()));
  const host = hostname === "::1" ? "::1" : "127.0.0.1";
  const { connection, error, peer, seen } = await attemptTls(context, way, { hostname, tls }, meet, { host });
  if (!connection) throw error;
  assertEquals({
    error: seen.error,
    name: seen.serverName?.toLowerCase() ?? null,
    protocol: seen.alpnProtocol,
  }, {
    error: null,
    name: sent,
    protocol: protocol ?? null,
  });
  if (version) assertEquals(seen.version, version);
  checkInfo(connection, seen, row.certificate?.() ?? all().good, protocol);
  await talk(connection, peer);
}

function severalInOne(): string {
  const { authority, stranger, selfSigned } = all();
  return `subject=nobody\n${selfSigned.cert}\n\n${authority.cert}issuer=nobody\r\n${stranger.cert}`;
}

/** Asserts that `Connection.tls` says what the peer says, and what the certificate says. */
function checkInfo({ tls }: Connection, seen: PeerTls, { cert }: Certified, protocol?: string): void {
  const { peerCertificate, ...rest } = tls as TlsInfo;
  const expected: Record<string, unknown> = protocol === undefined ? {} : { alpnProtocol: protocol };
  if (INFO) expected.version = seen.version;
  assertEquals(rest, expected);
  assertEquals(peerCertificate?.fingerprint256, INFO ? fingerprint(cert) : undefined);
}

function fingerprint(cert: string): string {
  const [, base64] = cert.match(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/)!;
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("hex");
  return digest.toUpperCase().match(/../g)!.join(":");
}

async function talk(connection: Connection, peer: PeerConnection): Promise<void> {
  await connection.write(bytes("from us"));
  assertEquals(await peer.readText(7), "from us");
  await peer.write("from the peer");
  assertEquals(await readText(connection, 13), "from the peer");
}

testCase("tls: the certificate as the connection tells it", {
  needs: { capability: "tls.info", available: INFO },
}, async (context) => {
  const { connection } = await attemptTls(
    context,
    "connected with TLS",
    {},
    (peer) => peer.secure(serverTls()),
  );
  const told = connection!.tls!.peerCertificate!;
  const { subject, issuer, subjectAltName } = told;
  assertEquals({ subject, issuer, subjectAltName }, {
    subject: "CN=good",
    issuer: "CN=keepwire tests",
    subjectAltName: "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
  });
  const days = [told.validFrom, told.validTo].map((date) =>
    Math.round((date.getTime() - Date.now()) / 86_400_000)
  );
  assertEquals(days, [-1, 1]);
});

testCase("tls: nothing is told of TLS before there is any", {}, async (context) => {
  const at = await context.peer.listen();
  const { connect } = await import("../../mod.ts");
  const connection = await connect({ port: at.port, tls: "starttls" });
  context.defer(() => connection.abort());
  assertEquals(connection.tls, undefined);
});

interface ClientRow {
  name: string;
  ours?: () => Certified;
  version: "TLSv1.2" | "TLSv1.3";
  refused: boolean;
}

const CLIENTS: ClientRow[] = (["TLSv1.2", "TLSv1.3"] as const).flatMap((version) => [
  { name: `ours, ${version}`, ours: () => all().client, version, refused: false },
  { name: `of a stranger, ${version}`, ours: () => all().strangeClient, version, refused: true },
  { name: `none, ${version}`, version, refused: true },
]);

cases(
  "tls: a certificate of the client",
  TLS_CLIENT_WAYS.flatMap((way) =>
    CLIENTS.map((row): Case => ({
      name: `${row.name} (${way})`,
      needs: { capability: "tls.clientCert", available: !row.ours || mayHaveCertificate(way) },
      run: (context) => withCertificate(context, row, way),
    }))
  ),
);

function mayHaveCertificate(way: TlsWay): boolean {
  return CLIENT_CERT === "always" || (CLIENT_CERT === "connect" && way === "connected with TLS");
}

async function withCertificate(context: CaseContext, row: ClientRow, way: TlsWay): Promise<void> {
  const { cert, key } = row.ours?.() ?? {};
  const tls = clientTls(cert ? { cert, key } : {});
  const wants: PeerTlsOptions = {
    requestCert: true,
    caCerts: [all().authority.cert],
    minimum: row.version,
    maximum: row.version,
  };
  const meet = (peer: PeerConnection) => peer.secure(serverTls(wants));
  const { connection, error, peer, seen } = await attemptTls(context, way, { tls }, meet);
  if (!row.refused) {
    if (!connection) throw error;
    assertEquals([seen.error, seen.peer], [null, "client"]);
    return await talk(connection, peer);
  }
  const op = way === "upgraded to TLS" ? "startTls" : "connect";
  if (row.version === "TLSv1.2") return void checkSocketError(error, { code: "EPROTO", op, cause: "error" });
  // In TLS 1.3 a client is done before the server has looked at its certificate (RFC 8446, section 4.4.4).
  const reading = connection!.read(new Uint8Array(10));
  await assertSocketError(reading, { code: "EPROTO", op: "read", cause: "error", ...endsOf(connection!) });
}

cases(
  "tls: a certificate of the client that is not possible is refused",
  TLS_CLIENT_WAYS.filter((way) => !mayHaveCertificate(way)).map((way): Case => ({
    name: way,
    run: async ({ peer, defer }) => {
      const at = await peer.listen();
      const { connect } = await import("../../mod.ts");
      const { cert, key } = all().client;
      const tls = clientTls({ cert, key });
      const connection = await connect({ port: at.port, tls: "starttls" });
      defer(() => connection.abort());
      await assertSocketError(connection.startTls(tls), { code: "ENOTSUP", op: "startTls", cause: "none" });
      const other = connect({ port: at.port, tls: { ...tls, serverName: "other.example.test" } });
      await assertSocketError(other, { code: "ENOTSUP", op: "connect", cause: "none" });
      await at.accept();
      assertEquals(await at.accepted(), 1);
    },
  })),
);

/** The library in a process with an authority of its own among the default roots. */
const SCRIPT = `
import process from "node:process";
const loaded = await import(process.argv[2]);
const library = loaded.connect ? loaded : loaded.default;
const ends = [];
for (const options of JSON.parse(process.argv[3])) {
  try {
    (await library.connect(options)).abort();
    ends.push("accepted");
  } catch (error) {
    ends.push(error.code);
  }
}
console.log(JSON.stringify(ends));
process.exit(0);
`;

testCase("tls: caCerts are in addition to the default roots", {}, async ({ peer, defer }) => {
  const { authority, stranger, good, unknown, selfSigned } = all();
  const folder = mkdtempSync(`${tmpdir()}/keepwire-`);
  defer(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(`${folder}/roots.pem`, authority.cert);
  const rows: [certificate: Certified, tls: true | TlsOptions, end: string][] = [
    [good, true, "accepted"],
    [unknown, true, "CERT_UNTRUSTED"],
    [good, { caCerts: [stranger.cert] }, "accepted"],
    [unknown, { caCerts: [stranger.cert] }, "accepted"],
    [selfSigned, { caCerts: [stranger.cert] }, "CERT_UNTRUSTED"],
    [good, true, "accepted"],
  ];
  const told = await Promise.all(rows.map(async ([certificate, tls]) => {
    const at = await peer.listen();
    at.accept(15_000).then((end) => end.secure(serverTls({}, certificate))).catch(() => {});
    return { hostname: "localhost", port: at.port, tls };
  }));
  const roots = `${folder}/roots.pem`;
  const child = spawnRuntime({ text: SCRIPT }, {
    args: [librarySpecifier(), JSON.stringify(told)],
    env: { NODE_EXTRA_CA_CERTS: roots, DENO_CERT: roots },
  });
  assertEquals(await child.json<string[]>(), rows.map(([, , end]) => end));
  await child.ended;
});
