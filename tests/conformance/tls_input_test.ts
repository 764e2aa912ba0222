/**
 * What TLS is given wrong is told before anything is opened.
 */
import { assert, assertEquals } from "@std/assert";
import { capabilities, connect, listen, type TlsOptions } from "../../mod.ts";
import { type Case, cases } from "../kit/cases.ts";
import { certificates } from "../kit/certificates.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { errorOf } from "./ends.ts";

const all = certificates;
const { clientCert: CLIENT_CERT } = capabilities().tls;

/** PEM of a sequence that is no certificate and no key. */
const hollow = (label: string) => `-----BEGIN ${label}-----\nMAA=\n-----END ${label}-----\n`;
const broken = (text: string) => text.replace(/\n([^-])/, "\n!$1");

/** `shape`: a TypeError or RangeError without a code. `EINVAL`: the runtime has read it, and refuses it. */
type Told = "shape" | "EINVAL";

interface Row {
  name: string;
  told: Told;
  tls: () => TlsOptions;
  /** It gives a certificate. */
  identity?: boolean;
}

const identity = (name: string, told: Told, tls: () => TlsOptions): Row => ({
  name,
  told,
  tls,
  identity: true,
});

const ROWS: Row[] = [
  { name: "an authority that is no PEM", told: "shape", tls: () => ({ caCerts: ["x"] }) },
  { name: "an authority that is broken", told: "shape", tls: () => ({ caCerts: [broken(all().good.cert)] }) },
  { name: "an authority that is a key", told: "shape", tls: () => ({ caCerts: [all().good.key] }) },
  { name: "an authority that is hollow", told: "EINVAL", tls: () => ({ caCerts: [hollow("CERTIFICATE")] }) },
  {
    name: "an authority that is hollow, behind a good one",
    told: "EINVAL",
    tls: () => ({ caCerts: [all().authority.cert + hollow("CERTIFICATE")] }),
  },
  identity("a key without a certificate", "shape", () => ({ key: all().client.key })),
  identity("a certificate without a key", "shape", () => ({ cert: all().client.cert })),
  identity("a broken key", "shape", () => ({ cert: all().client.cert, key: broken(all().client.key) })),
  identity(
    "the key of another certificate",
    "EINVAL",
    () => ({ cert: all().client.cert, key: all().good.key }),
  ),
  identity("a hollow certificate", "EINVAL", () => ({ cert: hollow("CERTIFICATE"), key: all().client.key })),
  identity("a hollow key", "EINVAL", () => ({ cert: all().client.cert, key: hollow("PRIVATE KEY") })),
];

cases(
  "tls, wrong input of connect",
  ROWS.map((row): Case => ({
    name: row.name,
    needs: {
      capability: "tls.clientCert",
      available: !row.identity || row.told === "shape" || CLIENT_CERT !== "never",
    },
    run: async ({ peer }) => {
      const at = await peer.listen();
      const error = await errorOf(
        connect({ hostname: "127.0.0.1", port: at.port, tls: row.tls() }),
        "connect",
      );
      checkTold(error, row.told, "connect");
      assertEquals(await at.accepted(), 0);
    },
  })),
);

cases(
  "tls, wrong input of listen",
  ROWS.filter(({ identity }) => identity).map((row): Case => ({
    name: row.name,
    run: async ({ peer, oracle }) => {
      const port = await peer.freePort();
      const { cert = "", key = "" } = row.tls();
      const opening = listen({ hostname: "127.0.0.1", port, tls: { cert, key } });
      checkTold(await errorOf(opening, "listen"), row.told, "listen");
      assert((await oracle.all()).every(({ listening }) => !listening), "something listens");
    },
  })),
);

function checkTold(error: unknown, told: Told, op: string): void {
  if (told === "EINVAL") return void checkSocketError(error, { code: "EINVAL", op, cause: "error" });
  assert(error instanceof TypeError || error instanceof RangeError, String(error));
  assert(!("code" in error), String(error));
}
