/**
 * Where a case plays: three hosts, a subject that runs the library in ours,
 * and the far end in the peer's; with the verbs that `act` uses.
 *
 * @module
 */

import type { Address, KeepAliveStatus } from "../../mod.ts";
import { run } from "../../scripts/process.ts";
import { certificates } from "../kit/certificates.ts";
import { Capture } from "./capture.ts";
import type { LabCase, Side } from "./cases.ts";
import { ADDRESSES, Hosts } from "./hosts.ts";
import { type KernelSocket, kernelSocket, socketsTo } from "./kernel_socket.ts";
import { type Event, type Fields, LineProgram } from "./lines.ts";
import { Router } from "./router.ts";

/** One runtime, and what it runs the subject with. */
export interface LabRuntime {
  name: string;
  version: string;
  /** The runtime, its flags, the subject and the library. */
  command: string[];
}

/** What `connect` of the subject came to. */
export interface Dialled extends Fields {
  failed: boolean;
  begun: number;
  at: number;
  error?: ErrorData;
}

/** An error of the subject, as plain data. */
export interface ErrorData {
  classes: string[];
  name?: string;
  message?: string;
  code?: string;
  op?: string;
  localAddress?: unknown;
  remoteAddress?: unknown;
  cause?: { isError: boolean; code?: string; message: string };
  text: string;
}

/** Asked once: what is called python3 may be a script that looks for it each time. */
let python: Promise<string> | undefined;
/** What the certificates are for: none knows the addresses of the lab. */
const SERVER_NAME = "localhost";
const FAR_END = decodeURIComponent(new URL("far_end.py", import.meta.url).pathname);

/** The stage of one case. Its verbs are fields, so that `act` can take those it uses by name. */
export class Stage implements AsyncDisposable {
  /** Drops, rejects, forgets, lets pass. */
  readonly router: Router;
  /** Figures for the row. */
  readonly notes: Record<string, unknown> = {};
  cutAt: number | undefined;
  status: KeepAliveStatus | undefined;
  dialled: Dialled | undefined;
  /** Both ends of connection 1, as the library says. */
  ends: { localAddress?: Address; remoteAddress?: Address } = {};
  /** Our socket as the kernel lists it, once there is a connection. */
  socket: KernelSocket | undefined;
  readonly #case: LabCase;
  readonly #stack = new AsyncDisposableStack();
  #hosts!: Hosts;
  #subject!: LineProgram;
  #far!: LineProgram;
  #captures!: [Capture, Capture];
  #farPort = 0;

  private constructor(labCase: LabCase, hosts: Hosts) {
    this.#case = labCase;
    this.#hosts = this.#stack.use(hosts);
    this.router = new Router(hosts.router);
  }

  /** Sets it up until the connection stands (or until one may dial). */
  static async set(labCase: LabCase, runtime: LabRuntime): Promise<Stage> {
    const stage = new Stage(labCase, await Hosts.make());
    try {
      await stage.#set(runtime);
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #set(runtime: LabRuntime): Promise<void> {
    const { us, peer } = this.#hosts;
    await us.sysctl(this.#case.sysctl ?? {});
    await this.#case.before?.(this.router);
    this.#subject = this.#stack.use(
      new LineProgram(runtime.name, us.command(...this.#limited(runtime.command)), { NO_COLOR: "1" }),
    );
    python ??= run(["python3", "-c", "import sys; print(sys.executable)"]).then(({ stdout }) =>
      stdout.trim()
    );
    const farEnd = peer.command(...this.#limited([await python, "-I", "-S", FAR_END]));
    this.#far = this.#stack.use(new LineProgram("far_end.py", farEnd));
    const starting = [us, peer].map(async (host) => this.#stack.use(await Capture.start(host)));
    this.#captures = await Promise.all(starting) as [Capture, Capture];
    for (const program of [this.#subject, this.#far]) {
      const ready = await program.event(({ event }) => event === "ready", 30_000);
      if (ready === undefined) {
        throw new Error(`${program.gone ?? "it is not ready after 30 s"}\n${program.stderr}`);
      }
    }
    if (this.#case.side === "connect") {
      this.#farPort = (await this.far("listen", { receive_buffer: this.#case.peerReceiveBuffer }))
        .port as number;
    }
    if (this.#case.connected !== false) await this.#connect();
  }

  /** The command with as many file descriptors as the case needs. */
  #limited(command: string[]): string[] {
    const { files } = this.#case;
    return files === undefined ? command : ["sh", "-ec", `ulimit -n ${files}; exec "$@"`, "sh", ...command];
  }

  async #connect(): Promise<void> {
    const { side, keepAlive, options, health, peerReceiveBuffer } = this.#case;
    const tls = this.#case.tls ? tlsOf(side) : undefined;
    if (side === "connect") {
      // A handshake needs both at once.
      const accepting = this.far("accept", { tls: tls?.far });
      accepting.catch(() => {});
      const dialled = await this.dial();
      if (dialled.failed) throw new Error(`the subject cannot connect: ${dialled.error?.text}`);
      await accepting;
      return;
    }
    const { port } = await this.us("listen", {
      options: { hostname: "0.0.0.0", port: 0, keepAlive, tls: tls?.us, ...options },
    });
    const accepting = this.us("accept", { health });
    const to = { host: ADDRESSES.us, port, receive_buffer: peerReceiveBuffer };
    await this.far("connect", { ...to, tls: tls?.far });
    await this.#found(await accepting);
  }

  /** Lets the subject connect, with more options for this once; a failure is a result. `abortAfter`: by a signal, in ms. */
  dial = async (more: Fields = {}): Promise<Dialled> => {
    const { keepAlive, options, health } = this.#case;
    const to = { hostname: ADDRESSES.peer, port: this.#farPort };
    const tls = this.#case.tls ? tlsOf("connect").us : undefined;
    const asked = { options: { ...to, keepAlive, tls, ...options, ...more }, health };
    this.dialled = await this.us("connect", asked, 60_000) as Dialled;
    if (!this.dialled.failed) await this.#found(this.dialled);
    return this.dialled;
  };

  async #found({ localAddress, remoteAddress }: Fields): Promise<void> {
    this.ends = { localAddress, remoteAddress } as Stage["ends"];
    const [local, remote] = [localAddress, remoteAddress] as { port: number }[];
    this.socket = await kernelSocket(this.#subject.pid, local.port, remote.port);
  }

  /** Asks the subject for connection 1 (see `subject.mjs`): `us("write", { bytes: 10 })`. */
  us = (op: string, fields: Fields = {}, limit?: number): Promise<Fields> =>
    this.#subject.ask(op, { connection: 1, ...fields }, limit);

  /** Asks the far end (see `far_end.py`): `far("send", { bytes: 10 })`. */
  far = (op: string, fields: Fields = {}, limit?: number): Promise<Fields> =>
    this.#far.ask(op, fields, limit);

  /** Lets so many milliseconds pass. */
  wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

  /** Asks how long a death takes from here, and does not cut. */
  predict = async (): Promise<KeepAliveStatus> => {
    this.status = (await this.us("getKeepAlive")).status as KeepAliveStatus;
    return this.status;
  };

  /** Asks how long a death takes, and cuts the path: both ways without a word, or as `how` does. */
  cut = async (how: (router: Router) => Promise<void> = (router) => router.dropBoth()): Promise<void> => {
    await this.predict();
    await how(this.router);
    this.cutAt = Date.now();
  };

  /** Keeps a figure for the row. */
  note = (name: string, value: unknown): void => {
    this.notes[name] = value;
  };

  /** Inodes of the subject's sockets to the far end's port. */
  socketsLeft(): Promise<string[]> {
    return socketsTo(this.#subject.pid, this.#farPort);
  }

  /** What the subject told by itself. */
  get events(): Event[] {
    return this.#subject.events;
  }

  /** The event that tells how `closed` settled, if it comes within so many milliseconds. */
  closed(limit: number, connection = 1): Promise<Event | undefined> {
    return this.#subject.event((event) => event.event === "closed" && event.connection === connection, limit);
  }

  /** Process id of the subject. */
  get subjectPid(): number {
    return this.#subject.pid;
  }

  /** What the subject printed beside the protocol. */
  get printed(): string {
    return this.#subject.stderr;
  }

  /** What was captured: at our host, and at the peer's. */
  get captures(): [Capture, Capture] {
    return this.#captures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What either end of a connection with TLS is given; `side` is ours. */
function tlsOf(side: Side): { us: Fields; far: Fields } {
  const { authority, good: { cert, key } } = certificates();
  const server = { cert, key };
  const client = { caCerts: [authority.cert], serverName: SERVER_NAME };
  return side === "connect" ? { us: client, far: server } : { us: server, far: client };
}
