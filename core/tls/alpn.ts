/**
 * Names of protocols as ALPN sends them.
 *
 * @module
 */

/**
 * The name of the protocol that was agreed on. Node (26.10) and Deno (2.9.6)
 * tell each of its bytes as a character of Latin-1, Bun reads UTF-8.
 */
export function protocolName(told: string): string {
  // deno-lint-ignore no-control-regex -- all of ASCII
  if (/^[\x00-\x7f]*$/.test(told) || /[^\x00-\xff]/.test(told)) return told;
  const bytes = Uint8Array.from(told, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return told;
  }
}

/** `ProtocolNameList` without the length of the whole (RFC 7301, section 3.1): each name behind its length. */
export function wireFormat(protocols: readonly string[]): ArrayBuffer {
  const utf8 = new TextEncoder();
  const bytes = protocols.flatMap((name) => {
    const encoded = utf8.encode(name);
    return [encoded.length, ...encoded];
  });
  return new Uint8Array(bytes).buffer;
}
