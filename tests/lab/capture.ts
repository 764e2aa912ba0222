/**
 * What a host's network card saw: tcpdump's output, read as it comes.
 *
 * @module
 */

import { ADDRESSES, type Host } from "./hosts.ts";
import type { Segment } from "./timeline.ts";

/** Enough for Ethernet, IP and TCP with all options, and for the packet inside an ICMP message. */
const SNAPSHOT = "160";

/** pcap file format, draft-ietf-opsawg-pcap: the file's header, and that of each packet. */
const MAGIC = 0xa1b2c3d4;
const FILE_HEADER = 24;
const PACKET_HEADER = 16;
const ETHERNET_HEADER = 14;

const ICMP = 1;
const TCP = 6;
const FLAGS: [number, string][] = [[0x02, "S"], [0x01, "F"], [0x04, "R"], [0x08, "P"], [0x10, "."]];
/** RFC 792 and RFC 1812, type 3. */
const UNREACHABLE: Record<number, string> = {
  0: "net unreachable",
  1: "host unreachable",
  3: "port unreachable",
  13: "admin prohibited",
};

/** A segment, with the ports that tell its connection. */
export interface Captured extends Segment {
  /** Our port. */
  port: number;
}

/** A capture that is running in a host. */
export class Capture implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #bytes = new Uint8Array(65_536);
  #length = 0;
  #parsed = FILE_HEADER;
  readonly #segments: Captured[] = [];

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reading = this.#read();
  }

  /** Starts one; from then on nothing is missed. */
  static async start(host: Host): Promise<Capture> {
    const flags = ["-i", "eth0", "-n", "-U", "-w", "-", "-s", SNAPSHOT, "-Z", "root", "--immediate-mode"];
    const [program, ...args] = host.command("tcpdump", ...flags, "tcp or icmp");
    const options = { args, stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const child = new Deno.Command(program, options).spawn();
    const capture = new Capture(child);
    await listening(child.stderr);
    return capture;
  }

  /** All that was captured until now, in the order of time. */
  segments(): Captured[] {
    const view = new DataView(this.#bytes.buffer, 0, this.#length);
    if (this.#length >= FILE_HEADER && view.getUint32(0, true) !== MAGIC) {
      throw new Error("tcpdump writes another format than little-endian pcap in microseconds");
    }
    while (this.#parsed + PACKET_HEADER <= this.#length) {
      const size = view.getUint32(this.#parsed + 8, true);
      const start = this.#parsed + PACKET_HEADER;
      if (start + size > this.#length) break;
      const at = view.getUint32(this.#parsed, true) * 1_000 + view.getUint32(this.#parsed + 4, true) / 1_000;
      const segment = segmentOf(new DataView(this.#bytes.buffer, start, size), at);
      if (segment) this.#segments.push(segment);
      this.#parsed = start + size;
    }
    return this.#segments;
  }

  /** Ends the capture; everything seen until now is there afterwards. */
  async stop(): Promise<Captured[]> {
    await this[Symbol.asyncDispose]();
    return this.segments();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGINT");
    } catch {
      // It has ended already.
    }
    await Promise.all([this.#child.status, this.#reading]);
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#child.stdout) {
      if (this.#length + chunk.length > this.#bytes.length) {
        const larger = new Uint8Array(2 * (this.#length + chunk.length));
        larger.set(this.#bytes.subarray(0, this.#length));
        this.#bytes = larger;
      }
      this.#bytes.set(chunk, this.#length);
      this.#length += chunk.length;
    }
  }
}

/** Waits for tcpdump's line that it listens, and reads on, so that it is never held back. */
function listening(stderr: ReadableStream<Uint8Array>): Promise<void> {
  return new Promise((resolve, reject) => {
    const reading = async () => {
      let said = "";
      for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
        said += text;
        if (said.includes("listening on")) resolve();
      }
      reject(new Error(`tcpdump ended:\n${said}`));
    };
    reading().catch(reject);
  });
}

/** A packet of IPv4 in Ethernet; undefined for anything else. */
function segmentOf(packet: DataView, at: number): Captured | undefined {
  const ip = ETHERNET_HEADER;
  if (packet.byteLength < ip + 20 || packet.getUint16(12) !== 0x0800) return undefined;
  const header = (packet.getUint8(ip) & 15) * 4;
  const from = addressOf(packet, ip + 12) === ADDRESSES.us ? "us" : "peer";
  const protocol = packet.getUint8(ip + 9);
  const inner = ip + header;
  if (protocol === ICMP) return icmpOf(packet, inner, at, from);
  if (protocol !== TCP || packet.byteLength < inner + 20) return undefined;
  const bits = packet.getUint8(inner + 13);
  return {
    at,
    from,
    flags: FLAGS.filter(([bit]) => bits & bit).map(([, letter]) => letter).join(""),
    seq: packet.getUint32(inner + 4),
    ack: packet.getUint32(inner + 8),
    window: packet.getUint16(inner + 14),
    bytes: packet.getUint16(ip + 2) - header - (packet.getUint8(inner + 12) >> 4) * 4,
    id: packet.getUint16(ip + 4),
    port: packet.getUint16(inner + (from === "us" ? 0 : 2)),
  };
}

/** An ICMP error carries the packet it is about. */
function icmpOf(packet: DataView, start: number, at: number, from: "us" | "peer"): Captured | undefined {
  const about = start + 8;
  if (packet.byteLength < about + 24 || packet.getUint8(start) !== 3) return undefined;
  const code = packet.getUint8(start + 1);
  const ours = addressOf(packet, about + 12) === ADDRESSES.us;
  const ports = about + (packet.getUint8(about) & 15) * 4;
  const icmp = UNREACHABLE[code] ?? `unreachable, code ${code}`;
  const nothing = { flags: "", seq: 0, ack: 0, window: 0, bytes: 0 };
  return { at, from, ...nothing, icmp, port: packet.getUint16(ports + (ours ? 0 : 2)) };
}

function addressOf(packet: DataView, start: number): string {
  return [0, 1, 2, 3].map((place) => packet.getUint8(start + place)).join(".");
}
