/**
 * Reads Linux's `struct tcp_info` (include/uapi/linux/tcp.h). The structure
 * grows at its end: the length that the kernel gave says which fields it has.
 *
 * @module
 */

/** States of a connection that keepwire asks for (include/net/tcp_states.h). */
export const TCP_STATES = {
  ESTABLISHED: 1,
  FIN_WAIT1: 4,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
} as const;

/** Bytes to offer to `getsockopt(TCP_INFO)`: room for what kernels may add. */
export const TCP_INFO_BYTES = 512;

/** Where a field lies. */
interface Field {
  offset: number;
  bytes: 1 | 4;
}

const SOURCE = "https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/tcp.h";

/** The fields in use, with their offsets in bytes. */
export const TCP_INFO_FIELDS = {
  state: { offset: 0, bytes: 1, source: SOURCE },
  unacked: { offset: 24, bytes: 4, source: SOURCE },
  notsentBytes: { offset: 144, bytes: 4, source: SOURCE },
} as const;

/** What was read; a field that this kernel does not have is absent. */
export interface TcpInfoFields {
  /** One of {@link TCP_STATES}, or another state. */
  state?: number;
  /** Segments sent and not acknowledged; on a listening socket, connections that wait to be accepted. */
  unacked?: number;
  /** Bytes written that have not been sent once. */
  notsentBytes?: number;
}

/**
 * Decodes what `getsockopt(TCP_INFO)` wrote.
 *
 * @param value The buffer that was offered.
 * @param length The length that the kernel gave back.
 * @param littleEndian The byte order of the machine. Default: as every supported one but s390x.
 */
export function decodeTcpInfo(
  value: Uint8Array,
  length: number,
  littleEndian = true,
): TcpInfoFields {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const end = Math.min(length, value.byteLength);
  const read = ({ offset, bytes }: Field): number | undefined => {
    if (offset + bytes > end) return undefined;
    return bytes === 1 ? view.getUint8(offset) : view.getUint32(offset, littleEndian);
  };
  const fields: TcpInfoFields = {};
  for (const name of ["state", "unacked", "notsentBytes"] as const) {
    const found = read(TCP_INFO_FIELDS[name]);
    if (found !== undefined) fields[name] = found;
  }
  return fields;
}
