/**
 * What a scenario is. A case says, as data, how the connection is made and
 * what has to come of it; between them stands `act`, a short script of verbs.
 * `scenarios/01_idle.ts` shows all of it.
 *
 * @module
 */

import type { ConnectOptions, DetectsWithin, KeepAlive, KeepAliveStatus } from "../../mod.ts";
import type { Captured } from "./capture.ts";
import type { Router } from "./router.ts";
import type { Stage } from "./stage.ts";

/** A way for a peer to die. One file of `scenarios/` exports one, as `scenario`. */
export interface Scenario {
  number: number;
  /** For the document: `Idle, the peer vanishes`. */
  title: string;
  cases: LabCase[];
  /** Name of the case that the document draws, on which side and runtime. Default: the first, on Deno. */
  drawn?: { name?: string; side?: Side; runtime?: string };
}

/** Who dialled: we (`connect`), or the peer (`accept`). Our host is `us` either way. */
export type Side = "connect" | "accept";

/** What a case may need of the machine beyond what all need. */
export type LabCapability = "conntrack";

/** One case; it runs on every runtime. */
export interface LabCase {
  /** Unique within the scenario, together with the side. */
  name: string;
  side: Side;
  keepAlive: boolean | KeepAlive;
  /** For the row: what is held when the peer vanishes, where `act` sets other values than the case began with. */
  setLater?: KeepAlive;
  /** It is a connection with TLS. Default `false`. */
  tls?: boolean;
  /** Other options of `connect` or `listen`. */
  options?: Omit<ConnectOptions, "keepAlive" | "tls" | "hostname" | "port" | "path" | "signal">;
  /** `SO_RCVBUF` of the peer's socket in bytes: small, so that its window closes soon. */
  peerReceiveBuffer?: number;
  /** Kernel parameters of our host: `{ "net.ipv4.tcp_retries2": 3 }`. */
  sysctl?: Record<string, string | number>;
  needs?: LabCapability[];
  /** File descriptors that the programs may have: `ulimit -n`. Default: as it is. */
  files?: number;
  /** What the router does before the connection is made. Default: it lets everything pass. */
  before?: (router: Router) => Promise<void>;
  /** `false`: `act` dials by itself, with `stage.dial`. Default `true`. */
  connected?: boolean;
  /** `watchHealth` on the connection: its options, or `false`. Default: every 250 ms, where the package has it. */
  health?: false | { interval?: number };
  /**
   * Why the run was not the case, by what the capture shows of the time before the peer vanished: the machine was too
   * slow for what `act` had to do in time. Then it is played again. Never by how it ended.
   */
  spoiled?: (run: Evidence) => string | undefined;
  /** What happens. `stage.cut()` asks `detectsWithin`, then cuts the path. */
  act(stage: Stage): Promise<unknown>;
  expect: Death | Life | Refusal;
}

/** The connection dies: `closed` rejects within the time, and everything by the rules of one death. */
export interface Death {
  kind: "death";
  /** Code of the error; several where either is right. */
  code: string | string[];
  /** Which number of `detectsWithin` says how long it takes, or milliseconds from its whole status. */
  within: keyof DetectsWithin | ((status: KeepAliveStatus) => number);
  /** From when it counts. Default `last received`. */
  from?: Clock;
  /** What may be op of the error. Default `read` or `write`. */
  op?: string[];
  /** Bytes received and not read before; they must be delivered after the death. Default 0. */
  unread?: number;
  /** The peer's FIN has been read: reads give `null` before and after. Default `false`. */
  finRead?: boolean;
  /** More that has to hold: what does not, one line each. */
  check?: (run: Evidence) => string[];
}

/** The connection lives: at the end of `act`, `closed` is still pending. */
export interface Life {
  kind: "life";
  check?: (run: Evidence) => string[];
}

/** There is never a connection: what `stage.dial` gave last. */
export interface Refusal {
  kind: "refusal";
  /** Code of the `SocketError`, or name of the signal's reason. */
  error: { code: string | string[] } | { name: string };
  /** Milliseconds from the call. */
  within: number;
  check?: (run: Evidence) => string[];
}

/**
 * A moment by the captures, or one of the case's own choice:
 * - `last received`: the last segment that came to us before death
 * - `first sent`: the first segment with data of ours that was never acknowledged
 * - `first retransmission`: of that segment, or of the FIN
 */
export type Clock =
  | "last received"
  | "first sent"
  | "first retransmission"
  | ((run: Evidence) => number | undefined);

/** What a run has left behind. Moments are milliseconds since the epoch. */
export interface Evidence {
  runtime: string;
  /** Segments of the connection, captured at our host. */
  ours: Captured[];
  /** The same at the peer's host. */
  theirs: Captured[];
  /** When the path was cut; absent where it was not. */
  cutAt?: number;
  /** When `closed` settled. */
  diedAt?: number;
  /** What `getKeepAlive()` said right before the cut. */
  status?: KeepAliveStatus;
  /** What `watchHealth` told. */
  health: { type: string; at: number; [more: string]: unknown }[];
  /** What `stage.note` was given: figures for the row. */
  notes: Record<string, unknown>;
}

/** The case twice: for a connection that we dialled, and for one that we accepted. */
export function bothSides(one: Omit<LabCase, "side">): LabCase[] {
  return [{ ...one, side: "connect" }, { ...one, side: "accept" }];
}

/** The cases, and each once more on a connection with TLS. */
export function alsoOverTls(cases: LabCase[]): LabCase[] {
  return [...cases, ...cases.map((one) => ({ ...one, name: `${one.name}, over TLS`, tls: true }))];
}

/** What is allowed around a prediction: 10 % for the kernel's timers, and a second to be told. */
export function isWithin(measured: number, predicted: number): boolean {
  return measured >= 0.9 * predicted && measured <= 1.1 * predicted + 1_000;
}
