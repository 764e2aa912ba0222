/** What TLS is given, checked before anything is opened; and what runtimes say of certificates. */
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { socketError, toSocketError } from "../../core/socket_error.ts";
import { TLS } from "../../core/tables/tls_capability.ts";
import { protocolName } from "../../core/tls/alpn.ts";
import { holdsCertificates, holdsKey } from "../../core/tls/pem.ts";
import { requireTls } from "../../core/tls/require.ts";
import { validateListenTls, validateStartTls, validateTls } from "../../core/tls/validate.ts";

const block = (label: string, body = "MAA=") => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const cert = block("CERTIFICATE");
const key = block("PRIVATE KEY");

test("tls: PEM", () => {
  const long = btoa(String.fromCharCode(0x30, 0x81, 200) + "x".repeat(200));
  const certificates: [string, boolean][] = [
    [cert, true],
    [cert + cert, true],
    [`subject=x\n${block("CERTIFICATE", long)}`, true],
    ["", false],
    ["not PEM", false],
    [key, false],
    [cert + key, false],
    [block("CERTIFICATE", "MAEA!"), false],
    [block("CERTIFICATE", "MAE="), false],
    [block("CERTIFICATE", "MQA="), false],
    [cert.replace("END CERTIFICATE", "END X"), false],
  ];
  for (const [text, holds] of certificates) assertEquals([text, holdsCertificates(text)], [text, holds]);
  const keys: [string, boolean][] = [
    [key, true],
    [block("RSA PRIVATE KEY"), true],
    [block("EC PARAMETERS", "BgA=") + block("EC PRIVATE KEY"), true],
    [block("ENCRYPTED PRIVATE KEY"), false],
    [block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nMAA="), false],
    [key + key, false],
    [cert, false],
  ];
  for (const [text, holds] of keys) assertEquals([text, holdsKey(text)], [text, holds]);
});

test("tls: what is verified, and what is sent as SNI", () => {
  const name = (tls: unknown, hostname: string) => {
    const { serverName, isAddress } = validateTls(tls, hostname)!;
    return [serverName, isAddress];
  };
  assertEquals(name(true, "a.test"), ["a.test", false]);
  assertEquals(name({}, "127.0.0.1"), ["127.0.0.1", true]);
  assertEquals(name({}, "::1"), ["::1", true]);
  assertEquals(name({ serverName: "b.test" }, "127.0.0.1"), ["b.test", false]);
  assertEquals(name({ serverName: "192.0.2.1" }, "a.test"), ["192.0.2.1", true]);
  assertEquals(validateTls("starttls", "a.test"), undefined);
  assertEquals(validateTls(false, "a.test"), undefined);
  assertEquals(validateStartTls({ timeout: 0.5 }, "a.test").limits, { timeout: 1 });
});

const SHAPES: [unknown, typeof TypeError | typeof RangeError, RegExp][] = [
  ["on", TypeError, /tls = "on": expected true, false, "starttls"/],
  [null, TypeError, /tls = null/],
  [{ rejectUnauthorized: false }, TypeError, /tls.rejectUnauthorized: unknown option/],
  [{ ca: [cert] }, TypeError, /tls.ca: unknown option/],
  [{ caCerts: cert }, TypeError, /tls.caCerts = "-----BEGIN/],
  [{ caCerts: ["x"] }, RangeError, /tls.caCerts = an array: expected an array of certificates as PEM/],
  [{ cert }, TypeError, /cert without key/],
  [{ key }, TypeError, /key without cert/],
  [{ cert: "x", key }, RangeError, /tls.cert = "x"/],
  [{ cert, key: block("ENCRYPTED PRIVATE KEY") }, RangeError, /tls.key = .*not encrypted/],
  [{ serverName: "" }, RangeError, /tls.serverName = ""/],
  [{ serverName: "a b" }, RangeError, /tls.serverName/],
  [{ alpnProtocols: [] }, RangeError, /tls.alpnProtocols/],
  [{ alpnProtocols: [""] }, RangeError, /tls.alpnProtocols/],
  [{ alpnProtocols: ["é".repeat(128)] }, RangeError, /tls.alpnProtocols/],
  [{ alpnProtocols: Array(257).fill("x".repeat(255)) }, RangeError, /tls.alpnProtocols/],
  [{ alpnProtocols: [1] }, TypeError, /tls.alpnProtocols/],
];

test("tls: the protocol that was agreed on, as runtimes tell it", () => {
  const told = [["h2", "h2"], ["\u00c3\u00a9", "\u00e9"], ["\u00e9", "\u00e9"], ["\u4e00", "\u4e00"], [
    "\u00c3",
    "\u00c3",
  ]];
  for (const [name, expected] of told) assertEquals([name, protocolName(name)], [name, expected]);
});

test("tls: shapes", () => {
  for (const [value, type, message] of SHAPES) {
    const { message: text } = assertThrows(() => validateTls(value, "a.test"), type);
    assertEquals([text, message.test(text), text.endsWith(".")], [text, true, false]);
  }
});

test("tls: as the server", () => {
  assertEquals(validateListenTls({ cert, key }), {
    identity: { cert, key },
    caCerts: [],
    requestCert: false,
    alpnProtocols: [],
  });
  for (
    const [value, message] of [
      [{}, /tls.cert = undefined/],
      [{ cert }, /tls.key = undefined/],
      [{ cert, key, requestCert: true }, /requestCert without tls.caCerts/],
      [{ cert, key, caCerts: [cert] }, /caCerts without tls.requestCert/],
    ] as const
  ) {
    const { message: text } = assertThrows(() => validateListenTls(value), TypeError);
    assertEquals([text, message.test(text)], [text, true]);
  }
});

test("tls: what is not possible is refused with what would help", () => {
  const tls = {
    serverName: "a.test",
    isAddress: false,
    caCerts: [],
    alpnProtocols: [],
    identity: { cert, key },
  };
  const context = { op: "startTls", runtime: "node", os: "linux" } as const;
  requireTls({ tls, tlsName: "a.test" }, context);
  requireTls({}, { ...context, runtime: "workerd" });
  const missing = Object.entries(TLS).filter(([, { client }]) => !client);
  for (const [runtime] of missing) {
    const error = assertThrows(() => requireTls({ tlsName: "a.test" }, { ...context, runtime }));
    assertEquals(
      (error as Error).message,
      `Cannot start TLS with the socket: TLS as the client is not possible on ${runtime} (ENOTSUP)`,
    );
  }
});

/** What the runtimes said, and what we make of it. */
const FAILURES: [runtime: string, told: object, code: string][] = [
  ["node", { code: "CERT_HAS_EXPIRED" }, "CERT_HAS_EXPIRED"],
  ["node", { code: "CERT_NOT_YET_VALID" }, "CERT_NOT_YET_VALID"],
  ["node", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "CERT_UNTRUSTED"],
  ["node", { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, "CERT_UNTRUSTED"],
  ["node", { code: "INVALID_PURPOSE" }, "CERT_UNTRUSTED"],
  ["node", { code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["node", { code: "ERR_SSL_WRONG_VERSION_NUMBER" }, "EPROTO"],
  ["node", { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" }, "EPROTO"],
  ["node", { code: "ERR_TLS_HANDSHAKE_TIMEOUT" }, "ETIMEDOUT"],
];

test("tls: failures", () => {
  for (const [runtime, told, code] of FAILURES) {
    const cause = Object.assign(new Error(), told);
    const error = toSocketError(cause, { op: "connect", runtime, os: "linux" });
    assertEquals([error.code, error.cause], [code, cause]);
  }
  assertEquals(
    socketError("EPROTO", { op: "startTls" }).message,
    "Cannot start TLS with the socket: TLS protocol error (EPROTO)",
  );
});
