/**
 * The shapes of the standard `connect` (WinterTC Sockets API), and what
 * keepwire adds to its options. Types only.
 *
 * @module
 */
import type { KeepAlive } from "../types.ts";
import type { Socket } from "./socket.ts";

/** Where to connect to. */
export interface SocketAddress {
  /** A name or an IP address. */
  hostname: string;
  /** 1 to 65,535. A string of digits is taken too, as that of a `URL`. */
  port: number | string;
}

/** Options of {@link https://sockets-api.proposal.wintertc.org/ | the standard}, then keepwire's own. Members it does not know are ignored, as the standard has it. */
export interface SocketOptions {
  /** Plain (`"off"`, the default), TLS from the start (`"on"`), or plain until `startTls()` (`"starttls"`). */
  secureTransport?: "off" | "on" | "starttls";
  /** With `false` (default) the socket closes when the end of `readable` has been read; with `true` one may go on writing. */
  allowHalfOpen?: boolean;
  /** The name that is verified, and sent as SNI. Default: the hostname. Only with TLS. */
  sni?: string | null;
  /** Protocols offered by ALPN, the best first. Default: none. Only with TLS. */
  alpn?: string[] | null;
  /** Bytes that may wait in `writable` before `ready` does. Default 65,536. As in workerd. */
  highWaterMark?: number;

  /** Keepalive. Default `true`: on, with the defaults of `KeepAlive`. */
  keepAlive?: boolean | KeepAlive;
  /** `TCP_NODELAY`. Default `true`. */
  noDelay?: boolean;
  /** Milliseconds for connecting, TLS included, and again for a `startTls()`. Default: the system's own. */
  timeout?: number;
  /** Cancels connecting: `opened` and `closed` reject with its reason. */
  signal?: AbortSignal;
  /** Milliseconds that `close()` waits, counted from when the kernel last took a byte of ours. Default 10,000. */
  closeTimeout?: number;
  /** PEM certificates of authorities, in addition to the runtime's own. Only with TLS. */
  caCerts?: string[];
  /** PEM certificate of ours. Only with TLS and `key`. */
  cert?: string;
  /** PEM private key of `cert`. Only with TLS. */
  key?: string;
}

/** Options of `Socket.startTls`: those of `connect`, where they say more. Others are ignored. */
export interface StartTlsSocketOptions
  extends Pick<SocketOptions, "sni" | "alpn" | "caCerts" | "cert" | "key" | "timeout" | "signal"> {
  /** Another name for `sni`: workerd's. */
  expectedServerHostname?: string;
  /** Another name for `sni`: that of `node:tls`. */
  servername?: string;
}

/** What may be written: a string goes as UTF-8. */
export type SocketChunk = string | ArrayBuffer | ArrayBufferView;

/** What `Socket.opened` resolves with. */
export interface SocketInfo {
  /** The peer's end, as `address:port`, or `[address]:port` for IPv6. */
  readonly remoteAddress: string;
  /** Our end, in the same form. */
  readonly localAddress: string;
  /** The protocol chosen by ALPN; `null` without one. */
  readonly alpn: string | null;
}

/** What {@link Connector} connects with. */
export interface ConnectorDefaults extends SocketOptions {
  /** Asked before each connection: with `false`, `opened` and `closed` reject with `EACCES`. */
  allow?: (address: { hostname: string; port: number }) => boolean;
}

/** A `connect` with defaults: what the standard calls a binding object. */
export interface Connector {
  /** As `connect`, with the connector's defaults where the options say nothing. */
  connect(address: string | SocketAddress, options?: SocketOptions): Socket;
}
