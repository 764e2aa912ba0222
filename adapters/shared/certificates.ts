/**
 * Certificates by `node:tls` and `node:crypto`, which Node and Bun have.
 *
 * @module
 */
import { protocolName } from "../../core/tls/alpn.ts";
import type { PeerCertificate, TlsInfo } from "../../core/types.ts";

/** What is used of a `crypto.X509Certificate`. */
export interface X509Certificate {
  /** The address, if it is for that. */
  checkIP(address: string): string | undefined;
  readonly subject: string;
  readonly issuer: string;
  readonly subjectAltName?: string;
  readonly validFrom: string;
  readonly validTo: string;
  readonly fingerprint256: string;
}

/** A certificate as `checkServerIdentity` takes it. */
export interface LegacyCertificate {
  subject: object;
  /** DER. */
  raw: Uint8Array;
}

/** What is used of `node:crypto` on both. */
export interface CryptoModule {
  /** Of DER or PEM. */
  X509Certificate: new (text: Uint8Array | string) => X509Certificate;
}

/** What is used of `node:tls` on both. */
export interface TlsModule {
  createSecureContext(options: Record<string, unknown>): object;
  checkServerIdentity(name: string, certificate: LegacyCertificate): Error | undefined;
  /** Not before Node 22.15 and 23.10. */
  getCACertificates(kind: "default"): string[];
}

/**
 * Whether a peer is who it must be.
 *
 * The function falls back to the subject's common name, which RFC 9525
 * (section 2) does away with, as rustls has.
 */
export function identify(
  { checkServerIdentity }: Pick<TlsModule, "checkServerIdentity">,
  name: string,
  certificate: LegacyCertificate,
  crypto: () => CryptoModule,
): Error | undefined {
  const error = checkServerIdentity(name, { ...certificate, subject: {} });
  // Node 22.23, 24.17, 24.18 and 26.4 refuse every address of IPv6: https://github.com/nodejs/node/issues/64144
  if (!error || !name.includes(":")) return error;
  // Not the socket's own: Node before 26 gives that only once.
  const { X509Certificate } = crypto();
  return new X509Certificate(certificate.raw).checkIP(name) ? undefined : error;
}

/** What the two ends have agreed on. The certificate is read when somebody asks: most never do. */
export function infoOf(
  version: string | null,
  alpnProtocol: string | false | null,
  certificate: X509Certificate | undefined,
): TlsInfo {
  let peer: PeerCertificate | undefined;
  return {
    version: version as TlsInfo["version"], // older ones are not negotiated
    ...(typeof alpnProtocol === "string" ? { alpnProtocol: protocolName(alpnProtocol) } : {}),
    get peerCertificate() {
      return certificate && (peer ??= {
        subject: certificate.subject,
        issuer: certificate.issuer,
        subjectAltName: certificate.subjectAltName,
        validFrom: new Date(certificate.validFrom),
        validTo: new Date(certificate.validTo),
        fingerprint256: certificate.fingerprint256,
      });
    },
  };
}
