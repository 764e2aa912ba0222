/**
 * What a client must not talk to: refused with the code that says why, the
 * same on every runtime, before one byte of ours is sent.
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { TlsOptions } from "../../mod.ts";
import { type Case, type CaseContext, cases, testCase } from "../kit/cases.ts";
import { certificates, type Certified } from "../kit/certificates.ts";
import { spawnRuntime } from "../kit/driver.ts";
import type { PeerConnection, PeerTlsOptions } from "../kit/peer.ts";
import { librarySpecifier } from "../kit/runtime.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import {
  type Attempted,
  attemptTls,
  clientTls,
  serverTls,
  TLS_CLIENT_WAYS,
  type TlsWay,
} from "../kit/tls.ts";
import { bytes } from "./ends.ts";

interface Row {
  name: string;
  code: string;
  /** The certificate of the peer; default: the right one. */
  certificate?: () => Certified;
  theirs?: PeerTlsOptions;
  ours?: TlsOptions;
  hostname?: string;
}

const SECRET = "a secret that must not be sent";

const all = certificates;
const NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

const ROWS: Row[] = [
  { name: "self-signed", code: "CERT_UNTRUSTED", certificate: () => all().selfSigned },
  { name: "an unknown authority", code: "CERT_UNTRUSTED", certificate: () => all().unknown },
  { name: "an intermediate one is missing", code: "CERT_UNTRUSTED", certificate: () => all().unchained },
  { name: "only the default roots", code: "CERT_UNTRUSTED", ours: { caCerts: [] } },
  { name: "expired", code: "CERT_HAS_EXPIRED", certificate: () => all().expired },
  { name: "not yet valid", code: "CERT_NOT_YET_VALID", certificate: () => all().notYetValid },
  { name: "another name", code: NAME, certificate: () => all().otherName },
  { name: "another name by serverName", code: NAME, ours: { serverName: "other.example.test" } },
  { name: "another address", code: NAME, certificate: () => all().otherAddress, hostname: "127.0.0.1" },
  { name: "another address by serverName", code: NAME, ours: { serverName: "127.0.0.2" } },
  { name: "an address of IPv6 by serverName", code: NAME, ours: { serverName: "::2" } },
  { name: "the name in the common name alone", code: NAME, certificate: () => all().commonName },
  {
    name: "a wildcard and two labels",
    code: NAME,
    certificate: () => all().wildcard,
    ours: { serverName: "a.b.example.test" },
  },
  {
    name: "a wildcard and no label",
    code: NAME,
    certificate: () => all().wildcard,
    ours: { serverName: "example.test" },
  },
  { name: "not meant for servers", code: "CERT_UNTRUSTED", certificate: () => all().notForServers },
  { name: "TLS 1.1 alone", code: "EPROTO", theirs: { maximum: "TLSv1.1" } },
  {
    name: "a certificate of ours is wanted, TLS 1.2",
    code: "EPROTO",
    theirs: { requestCert: true, maximum: "TLSv1.2" },
  },
];

cases(
  "tls: refused",
  TLS_CLIENT_WAYS.flatMap((way) =>
    ROWS.map((row): Case => ({ name: `${row.name} (${way})`, run: (context) => refused(context, row, way) }))
  ),
);

async function refused(context: CaseContext, row: Row, way: TlsWay): Promise<void> {
  const { hostname = "localhost" } = row;
  const options = { hostname, tls: clientTls(row.ours), early: bytes(SECRET) };
  const tried = await attemptTls(context, way, options, (peer) => peer.secure(theirsOf(row)));
  checkRefusal(tried, row.code, way);
  const { bytes: count } = await tried.peer.receive({ timeout: 5_000 });
  assertEquals(count, 0);
  assertNotPlain((await tried.peer.seen()).first);
}

function theirsOf({ certificate, theirs }: Row): PeerTlsOptions {
  const authorities = theirs?.requestCert ? { caCerts: [all().authority.cert] } : {};
  return serverTls({ ...authorities, ...theirs }, certificate?.());
}

function checkRefusal(
  { error, earlyError, connection }: Attempted<unknown>,
  code: string,
  way: TlsWay,
): void {
  assertEquals(connection, undefined, "it was accepted");
  const upgraded = way === "upgraded to TLS";
  const { cause } = checkSocketError(error, { code, op: upgraded ? "startTls" : "connect", cause: "error" });
  assert((cause as Error).message.length > 0, "the runtime's word is missing");
  if (upgraded) assertStrictEquals(earlyError, error, "of the write behind startTls()");
}

function assertNotPlain(wire: Uint8Array): void {
  assert(!new TextDecoder().decode(wire).includes(SECRET), "plain text was sent");
}

/** A peer that has no TLS at all. */
const STRANGE: [name: string, code: string, act: (peer: PeerConnection) => Promise<unknown>][] = [
  ["plain text", "EPROTO", (peer) => peer.write("220 plain text is spoken here\r\n")],
  ["plain text of HTTP", "EPROTO", (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["FIN", "ECONNRESET", (peer) => peer.shutdown()],
  ["RST", "ECONNRESET", (peer) => peer.reset()],
];

cases(
  "tls: instead of a handshake",
  TLS_CLIENT_WAYS.flatMap((way) =>
    STRANGE.map(([name, code, act]): Case => ({
      name: `${name} (${way})`,
      run: async (context) => {
        const tried = await attemptTls(context, way, { early: bytes(SECRET) }, async (peer) => {
          const hello = await peer.receive({ bytes: 5, keep: true });
          await act(peer);
          return hello.data!;
        });
        checkRefusal(tried, code, way);
        assertEquals([...tried.seen.subarray(0, 2)], [0x16, 0x03]);
        if (name === "RST") return;
        const rest = await tried.peer.receive({ keep: true, timeout: 5_000 });
        assertNotPlain(rest.data!);
      },
    }))
  ),
);

/** The library in a process where verification is off by the environment. */
const SCRIPT = `
import process from "node:process";
const loaded = await import(process.argv[2]);
const library = loaded.connect ? loaded : loaded.default;
const codes = [];
for (const { port, hostname, tls } of JSON.parse(process.argv[3])) {
  try {
    const connection = await library.connect({ port, hostname, tls });
    await connection.write(new TextEncoder().encode(${JSON.stringify(SECRET)}));
    codes.push("accepted");
  } catch (error) {
    codes.push(error.code);
  }
}
console.log(JSON.stringify(codes));
process.exit(0);
`;

testCase("tls: refused with NODE_TLS_REJECT_UNAUTHORIZED=0", {}, async ({ peer }) => {
  const counts: Promise<number>[] = [];
  const told = await Promise.all(ROWS.map(async (row) => {
    const at = await peer.listen();
    counts.push(
      at.accept(15_000).then(async (end) => {
        await end.secure(theirsOf(row));
        return (await end.receive({ timeout: 15_000 })).bytes;
      }),
    );
    return { port: at.port, hostname: row.hostname ?? "localhost", tls: clientTls(row.ours) };
  }));
  const child = spawnRuntime({ text: SCRIPT }, {
    args: [librarySpecifier(), JSON.stringify(told)],
    env: { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1" },
  });
  assertEquals(await child.json<string[]>(), ROWS.map(({ code }) => code));
  assertEquals(await Promise.all(counts), ROWS.map(() => 0));
  await child.ended;
});
