/**
 * What the scripted peer is told and what it tells.
 * Durations are milliseconds, rates are bytes per second.
 *
 * @module
 */

/** What to send: `bytes` of the seeded stream, in pieces of random size between the two bounds. */
export interface SendOptions {
  bytes: number;
  seed?: string;
  pieces?: [low: number, high: number];
  rate?: number;
  timeout?: number;
}

/** How to receive: until the end of the stream unless `bytes` says when to stop. */
export interface ReceiveOptions {
  bytes?: number;
  /** At most so many bytes by one recv(2). */
  chunk?: number;
  rate?: number;
  /** `false` leaves the digest out, where speed matters. */
  hash?: boolean;
  /** Gives the bytes too. */
  keep?: boolean;
  timeout?: number;
}

/** How a transfer ended: as asked (`done`, `limit`, `eof`), by `timeout`, `cancelled`, `closed`, or the name of an errno. */
export interface Transferred {
  bytes: number;
  sha256: string;
  end: string;
}

/** {@link Transferred}, with the bytes if they were to be kept. */
export interface Received extends Transferred {
  data?: Uint8Array;
}

/** Counters of one connection; `unread` and `unacknowledged` are the kernel's queues. */
export interface PeerStatus {
  sent: number;
  received: number;
  state?: string;
  unread?: number;
  unacknowledged?: number;
}

/** Where and how to listen. */
export interface PeerListenOptions {
  host?: string;
  port?: number;
  path?: string;
  backlog?: number;
  /** `SO_RCVBUF` of the connections. */
  receiveBuffer?: number;
  /** IPv4 too, on an IPv6 address. */
  dualStack?: boolean;
  /** With `false`, connections stay in the kernel's queue until `accept()`. Default `true`. */
  autoAccept?: boolean;
}

/** Where to connect to, and from where. */
export interface PeerConnectOptions {
  host?: string;
  port?: number;
  path?: string;
  localHost?: string;
  localPort?: number;
  receiveBuffer?: number;
  sendBuffer?: number;
  timeout?: number;
}

/** Clients that reconnect in a tight loop, also before anybody listens. */
export interface ReconnectOptions {
  host?: string;
  port: number;
  /** Default 2. */
  clients?: number;
  /** Connections after which they rest. Default 400. */
  max?: number;
  /** Default 20,000. */
  timeout?: number;
  /** Each client keeps so many connections open and drops older ones; all stay open without it. */
  dropAfter?: number;
  /** Dropping is by RST. */
  reset?: boolean;
  /** Bytes sent on each connection. */
  send?: number;
}

/** Counts of {@link ReconnectOptions}' clients. */
export interface ReconnectStatus {
  connects: number;
  refused: number;
  failed: number;
  open: number;
  running: boolean;
}

/** TLS of the peer, as the server unless told otherwise. Texts are PEM. */
export interface PeerTlsOptions {
  /** Default `true`. */
  server?: boolean;
  cert?: string;
  key?: string;
  /** Whose certificates it accepts, if it asks for one. */
  caCerts?: string[];
  /** As the server: the client must have a certificate. */
  requestCert?: boolean;
  /** As the client: whatever certificate there is will do. */
  trusting?: boolean;
  /** As the client: the name that is sent. */
  serverName?: string;
  alpnProtocols?: string[];
  /** The oldest and the newest version that it speaks. */
  minimum?: "TLSv1.2" | "TLSv1.3";
  maximum?: "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  /** For the handshake. Default 10,000. */
  timeout?: number;
}

/** How a handshake of the peer went. */
export interface PeerTls {
  /** OpenSSL's word for why it failed, or `EOF`, or `timeout`; `null` where it went well. */
  error: string | null;
  /** Common name in the certificate of the other side; `null` where it has none. */
  peer?: string | null;
  version?: string;
  alpnProtocol?: string | null;
  /** The name that the client sent; `null`: none. */
  serverName: string | null;
  records: TlsRecord[];
}

/** Type of a record on the wire. In TLS 1.3 all that is encrypted calls itself `data`. */
export type TlsRecord = "handshake" | "change" | "alert" | "data" | string;

/** What came on the wire since TLS began. */
export interface PeerSeen {
  records: TlsRecord[];
  /** The first 4 KiB or so. */
  first: Uint8Array;
}
