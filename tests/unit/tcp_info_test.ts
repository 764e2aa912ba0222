/** `struct tcp_info`: offsets, and the length that the kernel gave. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { decodeTcpInfo, TCP_INFO_FIELDS } from "../../core/tcp_info.ts";

function buffer(littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(300).subarray(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint8(0, 8);
  view.setUint32(24, 3, littleEndian);
  view.setUint32(144, 0x01020304, littleEndian);
  return bytes;
}

test("tcp_info: fields lie where Linux has them", () => {
  const expected = { state: 8, unacked: 3, notsentBytes: 0x01020304 };
  assertEquals(decodeTcpInfo(buffer(true), 280), expected);
  assertEquals(decodeTcpInfo(buffer(false), 280, false), expected);
});

test("tcp_info: a field that this kernel does not have is absent", () => {
  assertEquals(decodeTcpInfo(buffer(true), 148), { state: 8, unacked: 3, notsentBytes: 0x01020304 });
  assertEquals(decodeTcpInfo(buffer(true), 147), { state: 8, unacked: 3 });
  assertEquals(decodeTcpInfo(buffer(true), 104), { state: 8, unacked: 3 });
  assertEquals(decodeTcpInfo(buffer(true), 27), { state: 8 });
  assertEquals(decodeTcpInfo(buffer(true), 0), {});
  assertEquals(decodeTcpInfo(buffer(true).subarray(0, 28), 280), { state: 8, unacked: 3 });
});

test("tcp_info: every field has a link", () => {
  for (const { source } of Object.values(TCP_INFO_FIELDS)) assert(source.startsWith("https://"));
});
