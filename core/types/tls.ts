/**
 * The public shapes of TLS. Types only.
 *
 * @module
 */

export type { TlsCapabilities } from "../tables/names.ts";

/**
 * TLS as the client. Verification is always on; there is no switch.
 *
 * The protocol is TLS 1.2 or newer. Certificates and keys are PEM (RFC 7468).
 */
export interface TlsOptions {
  /**
   * Certificates of authorities, in addition to those the runtime trusts by
   * default. Each text may hold several.
   */
  caCerts?: string[];
  /** Our certificate, with the intermediate ones behind it. Only together with `key`. */
  cert?: string;
  /** The private key of `cert`, PKCS #8, PKCS #1 or SEC 1, not encrypted. */
  key?: string;
  /**
   * The name or IP address that the peer's certificate must be for. Default:
   * the `hostname` of `connect`. A name is sent as SNI (RFC 6066, section 3);
   * an address is compared with the certificate's addresses, and not sent.
   */
  serverName?: string;
  /** Protocols to offer by ALPN (RFC 7301), the best first. Default: none. */
  alpnProtocols?: string[];
}

/** Options of `Connection.startTls`. */
export interface StartTlsOptions extends TlsOptions {
  /** Milliseconds for the handshake. Default: no limit. */
  timeout?: number;
  /** Cancels the handshake, and with it the connection; rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** TLS as the server, 1.2 or newer. Certificates and keys are PEM (RFC 7468). */
export interface ListenTlsOptions {
  /** Our certificate, with the intermediate ones behind it. */
  cert: string;
  /** The private key of `cert`, PKCS #8, PKCS #1 or SEC 1, not encrypted. */
  key: string;
  /** Certificates of the authorities that clients' certificates are verified by, and no others. Only together with `requestCert`. */
  caCerts?: string[];
  /** Whether each client must have a certificate of one of `caCerts`. Default `false`. */
  requestCert?: boolean;
  /** Protocols that are spoken here, by ALPN, the best first. Default: none. */
  alpnProtocols?: string[];
}

/** What the two ends have agreed on. What a runtime does not tell is absent; `capabilities().tls` says so. */
export interface TlsInfo {
  /** The version of the protocol. */
  readonly version?: "TLSv1.2" | "TLSv1.3";
  /** The protocol chosen by ALPN; absent where none was. */
  readonly alpnProtocol?: string;
  /** The peer's certificate; absent where it has none. */
  readonly peerCertificate?: PeerCertificate;
}

/** What a certificate says (RFC 5280). */
export interface PeerCertificate {
  /** Whom it is for, an attribute a line: `CN=example`. */
  readonly subject: string;
  /** Who issued it, in the same form. */
  readonly issuer: string;
  /** Names and addresses it is for: `DNS:example.org, IP Address:192.0.2.1`; absent where there are none. */
  readonly subjectAltName?: string;
  /** It is valid from here, */
  readonly validFrom: Date;
  /** to here. */
  readonly validTo: Date;
  /** SHA-256 of it, as `AB:CD:…`. */
  readonly fingerprint256: string;
}
