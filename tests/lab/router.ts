/**
 * What the router does with packets, as verbs. Each replaces what was in
 * force before; the names are as seen from our host.
 *
 * @module
 */

import type { Host } from "./hosts.ts";

/** What a router answers with, by nft's words for it. */
export type Rejection =
  | "host-unreachable"
  | "net-unreachable"
  | "port-unreachable"
  | "admin-prohibited"
  | "tcp reset";

const FROM_US = 'iifname "us"';
const TO_US = 'oifname "us"';

/** From `at` on (milliseconds since the epoch) these rules were in force; none: everything passes. */
export interface Change {
  at: number;
  rules: string[];
}

/** The rules of the router between our host and the peer. */
export class Router {
  /** What was in force from when on; nothing before the first. */
  readonly changes: Change[] = [];
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Lets everything pass, as at the start. */
  pass(): Promise<void> {
    return this.rules([]);
  }

  /** Drops everything, without a word. */
  dropBoth(): Promise<void> {
    return this.rules(["drop"]);
  }

  /** Drops what we send; what the peer sends still comes. */
  dropFromUs(): Promise<void> {
    return this.rules([`${FROM_US} drop`]);
  }

  /** Drops what the peer sends; what we send still goes there. */
  dropToUs(): Promise<void> {
    return this.rules([`${TO_US} drop`]);
  }

  /** Answers what we send with an ICMP message, or a RST; what the peer sends is dropped. */
  reject(kind: Rejection): Promise<void> {
    const how = kind === "tcp reset"
      ? "meta l4proto tcp reject with tcp reset"
      : `reject with icmp type ${kind}`;
    return this.rules([`${FROM_US} ${how}`, `${TO_US} drop`]);
  }

  /**
   * A firewall that keeps flows in mind, forgets one after so many seconds of
   * silence, and then drops what belongs to none. Needs the capability `conntrack`.
   */
  async forgetful(seconds: number): Promise<void> {
    await this.rules([
      "ct state invalid drop",
      "ct state established,related accept",
      "tcp flags & (syn|ack) == syn accept",
      "drop",
    ]);
    const conntrack = "net.netfilter.nf_conntrack_tcp";
    await this.#host.sysctl({
      [`${conntrack}_timeout_established`]: seconds,
      // A segment in the middle of a flow does not make it known again.
      [`${conntrack}_loose`]: 0,
    });
  }

  /** Rules of nft for what is forwarded, the first that decides wins; what none decides passes. */
  async rules(rules: string[]): Promise<void> {
    const lines = [
      "add table inet lab",
      "add chain inet lab forward { type filter hook forward priority 0; policy accept; }",
      "flush chain inet lab forward",
      ...rules.map((rule) => `add rule inet lab forward ${rule}`),
    ];
    if (rules.length === 0 && this.changes.length === 0) return;
    await this.#host.run("nft", lines.join("\n"));
    this.changes.push({ at: Date.now(), rules });
  }
}
