/**
 * `struct sockaddr`, as far as it is needed to tell whose a socket is.
 *
 * @module
 */

/** AF_INET6 by OS (`sys/socket.h`); AF_UNIX is 1 and AF_INET is 2 everywhere. */
const INET6: Readonly<Record<string, number>> = {
  linux: 10,
  android: 10,
  darwin: 30,
  freebsd: 28,
};

/** Large enough for a Unix socket's address: `struct sockaddr_un` is 110 bytes at most. */
export const SOCKADDR_SIZE = 128;

const BIG_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[1] === 1;

/** The kind of an address that getsockname(2) or getpeername(2) wrote. */
export function familyOf(
  address: Uint8Array,
  os: string,
): "unix" | "inet" | "inet6" | "other" {
  // 4.4BSD put a length before the family, which is one byte there.
  const bsd = os === "darwin" || os === "freebsd";
  const family = address[bsd || BIG_ENDIAN ? 1 : 0];
  if (family === 2) return "inet";
  if (family === INET6[os]) return "inet6";
  return family === 1 ? "unix" : "other";
}

/**
 * One end of a TCP connection as 18 bytes, port first. An IPv4 address and the
 * same one mapped into IPv6 are equal: they share one port space in the kernel.
 * Gives `undefined` for what is no IP address.
 */
export function endpointOf(
  hostname: string,
  port: number,
): Uint8Array | undefined {
  const ip = parseIp(hostname);
  if (!ip) return undefined;
  const endpoint = new Uint8Array(18);
  endpoint[0] = port >> 8;
  endpoint[1] = port & 0xff;
  endpoint.set(ip, 2);
  return endpoint;
}

/** Whether an address that the kernel wrote is this end. */
export function isEndpoint(
  address: Uint8Array,
  endpoint: Uint8Array,
  os: string,
): boolean {
  // The port is at the same place in both families, and nearly always decides.
  if (address[2] !== endpoint[0] || address[3] !== endpoint[1]) return false;
  const family = familyOf(address, os);
  if (family === "inet6") {
    for (let i = 0; i < 16; i++) {
      if (address[8 + i] !== endpoint[2 + i]) return false;
    }
    return true;
  }
  if (family !== "inet") return false;
  for (let i = 0; i < 12; i++) {
    if (MAPPED[i] !== endpoint[2 + i]) return false;
  }
  for (let i = 0; i < 4; i++) {
    if (address[4 + i] !== endpoint[14 + i]) return false;
  }
  return true;
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

function parseIp(text: string): number[] | undefined {
  const v4 = parseIpv4(text);
  if (v4) return [...MAPPED, ...v4];
  if (!text.includes(":")) return undefined;

  const [head, tail, rest] = text.split("%", 1)[0].split("::");
  if (rest !== undefined) return undefined;
  const before = parseGroups(head);
  const after = tail === undefined ? [] : parseGroups(tail);
  if (!before || !after) return undefined;
  const gap = 16 - before.length - after.length;
  if (tail === undefined ? gap !== 0 : gap < 2) return undefined;
  return [...before, ...new Array<number>(gap).fill(0), ...after];
}

function parseGroups(text: string): number[] | undefined {
  const bytes: number[] = [];
  for (const group of text === "" ? [] : text.split(":")) {
    const v4 = parseIpv4(group);
    if (v4) bytes.push(...v4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}

function parseIpv4(text: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}
