/**
 * From a runtime's word about TLS to the code of a `SocketError`. Data; one
 * source link a line.
 *
 * @module
 */
import type { FailureRow, MessageRow } from "./failure.ts";
import type { SocketErrorCode } from "./names.ts";

const X509 = "https://docs.openssl.org/3.5/man3/X509_STORE_CTX_get_error/";
const NODE_X509 = "https://nodejs.org/api/tls.html#x509-certificate-error-codes";
const NODE_ERRORS = "https://nodejs.org/api/errors.html";
const RUSTLS = "https://docs.rs/rustls/0.23/rustls/enum.CertificateError.html";
const RUSTLS_ERROR = "https://docs.rs/rustls/0.23/rustls/enum.Error.html";

const rows = (code: SocketErrorCode, source: string, words: string): [string, FailureRow][] =>
  words.trim().split(/\s+/).map((word) => [word, { code, source }]);

/** By the `code` of the error: OpenSSL's names without `X509_V_ERR_`, as Node and Bun give them. */
export const TLS_BY_CODE: Readonly<Record<string, FailureRow>> = Object.fromEntries([
  ...rows(
    "CERT_UNTRUSTED",
    NODE_X509,
    `
    DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_ISSUER_CERT
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE CERT_CHAIN_TOO_LONG CERT_REVOKED
    INVALID_CA PATH_LENGTH_EXCEEDED INVALID_PURPOSE CERT_REJECTED CERT_SIGNATURE_FAILURE
    UNABLE_TO_DECRYPT_CERT_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY UNABLE_TO_GET_CRL
    CRL_SIGNATURE_FAILURE CRL_NOT_YET_VALID CRL_HAS_EXPIRED OUT_OF_MEM`,
  ),
  ...rows(
    "CERT_UNTRUSTED",
    X509,
    `
    ERROR_IN_CERT_NOT_BEFORE_FIELD ERROR_IN_CERT_NOT_AFTER_FIELD UNSPECIFIED
    EE_KEY_TOO_SMALL CA_KEY_TOO_SMALL CA_MD_TOO_WEAK PERMITTED_VIOLATION EXCLUDED_VIOLATION
    SUBTREE_MINMAX UNHANDLED_CRITICAL_EXTENSION INVALID_NON_CA KEYUSAGE_NO_CERTSIGN`,
  ),
  ...rows("ERR_TLS_CERT_ALTNAME_INVALID", X509, "HOSTNAME_MISMATCH IP_ADDRESS_MISMATCH"),
  ...rows(
    "ERR_TLS_CERT_ALTNAME_INVALID",
    `${NODE_ERRORS}#err_tls_cert_altname_format`,
    "ERR_TLS_CERT_ALTNAME_FORMAT",
  ),
  ...rows("ETIMEDOUT", `${NODE_ERRORS}#err_tls_handshake_timeout`, "ERR_TLS_HANDSHAKE_TIMEOUT"),
]);

/** By how the `code` begins, after the exact ones: OpenSSL's and BoringSSL's own errors. */
export const TLS_BY_PREFIX: readonly (FailureRow & { prefix: string })[] = [
  { prefix: "ERR_SSL_", code: "EPROTO", source: `${NODE_ERRORS}#openssl-error-codes` },
  { prefix: "ERR_OSSL_", code: "EPROTO", source: `${NODE_ERRORS}#openssl-error-codes` },
  { prefix: "ERR_TLS_", code: "EPROTO", source: `${NODE_ERRORS}#nodejs-error-codes` },
];

const rustls = (text: RegExp, code: SocketErrorCode, source = RUSTLS): MessageRow => ({
  runtime: "deno",
  seen: "2.9.6",
  text,
  code,
  source,
});

/** By the message, in this order. */
export const TLS_BY_MESSAGE: readonly MessageRow[] = [
  rustls(/invalid peer certificate: .*(Expired|expired)/, "CERT_HAS_EXPIRED"),
  rustls(/invalid peer certificate: .*(NotValidYet|not valid yet)/, "CERT_NOT_YET_VALID"),
  rustls(/invalid peer certificate: .*(NotValidForName|not valid for name)/, "ERR_TLS_CERT_ALTNAME_INVALID"),
  rustls(/invalid peer certificate/, "CERT_UNTRUSTED"),
  rustls(/without sending TLS close_notify/, "ECONNRESET", RUSTLS_ERROR),
  rustls(/keys may not be consistent/, "EINVAL", RUSTLS_ERROR),
  rustls(/received (corrupt|fatal|unexpected)|peer (is incompatible|misbehaved)/, "EPROTO", RUSTLS_ERROR),
];
