/**
 * The scripted raw peer (`tests/oracle/peer.py`), as tests speak to it.
 * Durations are milliseconds, rates are bytes per second.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Address } from "../../core/types.ts";
import { type Fields, LineProcess } from "./line_process.ts";
import type {
  PeerConnectOptions,
  PeerListenOptions,
  PeerSeen,
  PeerStatus,
  PeerTls,
  PeerTlsOptions,
  Received,
  ReceiveOptions,
  ReconnectOptions,
  ReconnectStatus,
  SendOptions,
  Transferred,
} from "./peer_options.ts";

export type * from "./peer_options.ts";

/** One peer process. */
export class Peer {
  readonly #process = new LineProcess("peer");

  private constructor() {}

  static start(): Peer {
    return new Peer();
  }

  /** Whether it can still be asked. */
  get alive(): boolean {
    return this.#process.gone === undefined;
  }

  get pid(): number {
    return this.#process.pid;
  }

  async listen(options: PeerListenOptions = {}): Promise<PeerListener> {
    return new PeerListener(
      this.#process,
      await this.#process.request("listen", { ...options }),
    );
  }

  /** A listener whose queue is full: connecting to it hangs in SYN_SENT. */
  async listenFull(options: PeerListenOptions = {}): Promise<PeerListener> {
    return new PeerListener(
      this.#process,
      await this.#process.request("listenFull", { ...options }),
    );
  }

  async connect(options: PeerConnectOptions): Promise<PeerConnection> {
    const fields = inSeconds(options, 10_000);
    const found = await this.#process.request(
      "connect",
      fields.fields,
      fields.limit,
    );
    return new PeerConnection(this.#process, found);
  }

  /** A TCP port nobody listens on, outside the range from which the kernel takes clients' ports. */
  async freePort(host?: string): Promise<number> {
    return (await this.#process.request("freePort", { host })).port as number;
  }

  async reconnect(options: ReconnectOptions): Promise<ReconnectLoop> {
    const { timeout = 20_000, ...rest } = options;
    const found = await this.#process.request("reconnect", {
      ...rest,
      seconds: timeout / 1000,
    });
    return new ReconnectLoop(this.#process, found.loop as number);
  }

  /** Connections accepted by the listeners that are open: "the peer saw none" is 0. */
  async accepted(): Promise<number> {
    return (await this.#process.request("everything")).accepted as number;
  }

  /** Closes all that is open, so that one process serves many cases. */
  async clear(): Promise<void> {
    await this.#process.request("clear");
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** A listening socket of the peer. */
export class PeerListener {
  readonly address: Address;
  readonly #process: LineProcess;
  readonly #number: number;

  constructor(lines: LineProcess, found: Fields) {
    this.#process = lines;
    this.#number = found.listener as number;
    this.address = found.address as Address;
  }

  /** Port of a TCP listener. */
  get port(): number {
    if (this.address.transport === "unix") {
      throw new TypeError("A Unix socket has no port");
    }
    return this.address.port;
  }

  async accept(timeout = 10_000): Promise<PeerConnection> {
    const fields = { listener: this.#number, timeout: timeout / 1000 };
    return new PeerConnection(
      this.#process,
      await this.#process.request("accept", fields, timeout + 5_000),
    );
  }

  /** Connections ever accepted. */
  async accepted(): Promise<number> {
    const found = await this.#process.request("accepted", {
      listener: this.#number,
    });
    return found.count as number;
  }

  /** Stops listening; the connections live on. Gives how many there were. */
  async close(): Promise<number> {
    const found = await this.#process.request("closeListener", {
      listener: this.#number,
    });
    return found.count as number;
  }
}

/** One connection of the peer, as the peer sees it: `local` is the peer's own end. */
export class PeerConnection {
  readonly local: Address;
  readonly remote: Address;
  readonly #process: LineProcess;
  readonly #conn: number;

  constructor(lines: LineProcess, found: Fields) {
    this.#process = lines;
    this.#conn = found.conn as number;
    this.local = found.local as Address;
    this.remote = found.remote as Address;
  }

  async send(options: SendOptions): Promise<Transferred> {
    return transferred(await this.#long("send", options));
  }

  /** Sends these bytes. */
  async write(
    data: Uint8Array | string,
    timeout?: number,
  ): Promise<Transferred> {
    const options = { data: Buffer.from(data).toString("base64"), timeout };
    return transferred(await this.#long("send", options));
  }

  async receive(options: ReceiveOptions = {}): Promise<Received> {
    return received(await this.#long("receive", options));
  }

  /** Receives exactly `length` bytes as text. */
  async readText(length: number, timeout?: number): Promise<string> {
    const found = await this.receive({ bytes: length, keep: true, timeout });
    return Buffer.from(found.data!).toString();
  }

  /** Sends and receives at once. With `fin`, a FIN follows what was sent. */
  async exchange(
    send: SendOptions & { fin?: boolean },
    receive: ReceiveOptions,
  ): Promise<{ sent: Transferred; received: Received }> {
    const sending = inSeconds(send, 60_000);
    const receiving = inSeconds(receive, 60_000);
    const found = await this.#process.request(
      "exchange",
      { conn: this.#conn, send: sending.fields, receive: receiving.fields },
      sending.limit + receiving.limit,
    );
    return {
      sent: transferred(found.sent as Fields),
      received: received(found.received as Fields),
    };
  }

  /** How the other side ended, told without reading: `fin`, `reset`, `timeout` or `closed`. */
  async waitForEnd(timeout = 10_000): Promise<string> {
    return (await this.#long("waitForEnd", { timeout })).end as string;
  }

  /**
   * Sends a FIN, behind `close_notify` where there is TLS, unless it is to be
   * `bare`; reading goes on. Gives `done` or the name of an errno.
   */
  async shutdown({ bare = false }: { bare?: boolean } = {}): Promise<string> {
    return (await this.#process.request("shutdown", { conn: this.#conn, bare })).end as string;
  }

  /** Makes TLS of it. A failure is told by what this gives. */
  async secure(options: PeerTlsOptions): Promise<PeerTls> {
    return await this.#long("secure", { timeout: 10_000, ...options }) as unknown as PeerTls;
  }

  /** What has come on the wire since TLS began. */
  async seen(): Promise<PeerSeen> {
    const { records, first } = await this.#ask("seen");
    return { records: records as string[], first: new Uint8Array(Buffer.from(first as string, "base64")) };
  }

  /** Sends these bytes past TLS. */
  async writeRaw(data: Uint8Array): Promise<void> {
    await this.#process.request("sendRaw", { conn: this.#conn, data: Buffer.from(data).toString("base64") });
  }

  /** Says that nothing more will be sent, and leaves the socket open. */
  async closeNotify(): Promise<void> {
    await this.#ask("closeNotify");
  }

  /** close(2), after `delay` milliseconds. The kernel makes it an RST when received bytes are unread. */
  async close({ delay = 0 }: { delay?: number } = {}): Promise<void> {
    await this.#long("close", { delay: delay / 1_000 });
  }

  /** RST; after `delay` milliseconds, with so many seeded bytes right before it. */
  async reset(parting: { delay?: number; bytes?: number; seed?: string } = {}): Promise<void> {
    await this.#long("reset", { ...parting, delay: (parting.delay ?? 0) / 1_000 });
  }

  /** Ends the transfers that are going on. */
  async cancel(): Promise<void> {
    await this.#ask("cancel");
  }

  async status(): Promise<PeerStatus> {
    return await this.#ask("status") as unknown as PeerStatus;
  }

  #ask(op: string): Promise<Fields> {
    return this.#process.request(op, { conn: this.#conn });
  }

  #long(op: string, options: object): Promise<Fields> {
    const { fields, limit } = inSeconds(options, 60_000);
    return this.#process.request(op, { ...fields, conn: this.#conn }, limit);
  }
}

/** Clients reconnecting in a tight loop. */
export class ReconnectLoop {
  readonly #process: LineProcess;
  readonly #loop: number;

  constructor(lines: LineProcess, loop: number) {
    this.#process = lines;
    this.#loop = loop;
  }

  async status(): Promise<ReconnectStatus> {
    const found = await this.#process.request("reconnectStatus", {
      loop: this.#loop,
    });
    return found as unknown as ReconnectStatus;
  }

  /** No more connects; all connections are closed. */
  async stop(): Promise<ReconnectStatus> {
    const found = await this.#process.request("reconnectStop", {
      loop: this.#loop,
    });
    return found as unknown as ReconnectStatus;
  }
}

/** The peer counts in seconds; the request itself may take a little longer than what it bounds. */
function inSeconds(
  options: object,
  fallback: number,
): { fields: Fields; limit: number } {
  const timeout = (options as { timeout?: number }).timeout ?? fallback;
  return {
    fields: { ...options, timeout: timeout / 1000 },
    limit: timeout + 10_000,
  };
}

/** Without what belongs to the answer as such. */
function transferred({ bytes, end, sha256 = "" }: Fields): Transferred {
  return { bytes, end, sha256 } as Transferred;
}

function received(found: Fields): Received {
  const result: Received = transferred(found);
  if (typeof found.data === "string") {
    result.data = new Uint8Array(Buffer.from(found.data, "base64"));
  }
  return result;
}
