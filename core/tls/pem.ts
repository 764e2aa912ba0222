/**
 * The shape of PEM texts (RFC 7468): what a runtime would notice only when the
 * socket is open is told before.
 *
 * @module
 */

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;
const KEY_LABELS: ReadonlySet<string> = new Set(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);

/** Whether a text holds certificates, and nothing else that is marked as PEM. */
export function holdsCertificates(text: string): boolean {
  const blocks = blocksOf(text);
  return blocks.length > 0 && blocks.every(({ label, whole }) => label === "CERTIFICATE" && whole);
}

/** Each certificate of a text. */
export function certificatesOf(text: string): string[] {
  return [...text.matchAll(BLOCK)].filter(([, label]) => label === "CERTIFICATE").map(([block]) => block);
}

/** Whether a text holds exactly one private key that is not encrypted. The parameters of its curve may be beside it. */
export function holdsKey(text: string): boolean {
  const blocks = blocksOf(text).filter(({ label }) => label !== "EC PARAMETERS");
  // The old form of an encrypted key says so in a header, which is no base64.
  return blocks.length === 1 && KEY_LABELS.has(blocks[0].label) && blocks[0].whole;
}

/** @returns each block, and whether it is base64 of one whole ASN.1 sequence. */
function blocksOf(text: string): { label: string; whole: boolean }[] {
  return [...text.matchAll(BLOCK)].map(([, label, body]) => ({ label, whole: isSequence(body) }));
}

function isSequence(base64: string): boolean {
  let der: string;
  try {
    der = atob(base64.replace(/\s+/g, ""));
  } catch {
    return false;
  }
  if (der.charCodeAt(0) !== 0x30) return false;
  const first = der.charCodeAt(1);
  const extra = first < 0x80 ? 0 : first - 0x80;
  let length = extra === 0 ? first : 0;
  for (let index = 2; index < 2 + extra; index++) length = length * 256 + der.charCodeAt(index);
  return der.length === 2 + extra + length;
}
