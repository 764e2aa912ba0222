/**
 * Where workerd's own `connect` differs from the checklist as keepwire keeps
 * it: the requirement, what workerd answers, and why keepwire does otherwise.
 *
 * @module
 */

/** One difference. */
export interface SocketDifference {
  /** Name of the requirement, as in its case. */
  row: string;
  /** What its case says of workerd. */
  says: RegExp;
  /** Why keepwire differs. */
  reason: string;
}

const REFUSED = "proxy request failed, cannot connect to the specified address";

export const DIFFERENCES: readonly SocketDifference[] = [
  {
    row: "C3 a malformed address throws a SocketError",
    says: /is no SocketError: TypeError: Specified address is missing hostname/,
    reason: "workerd throws a plain TypeError; the standard asks for a SocketError, which is one",
  },
  {
    row: "C3 so do port 0 and a missing hostname",
    says: /connect\("localhost:0"\) throws nothing/,
    reason: "workerd rejects opened later; what cannot be right is refused at once",
  },
  {
    row: "C5 the error of another secureTransport is a SocketError",
    says: /is no SocketError: TypeError: Unsupported value in secureTransport socket option/,
    reason: "workerd throws a plain TypeError",
  },
  {
    row: "C10 with the same SocketError",
    says: new RegExp(`is no TypeError: Error: ${REFUSED}`),
    reason: "workerd rejects with two plain errors, which do not tell why",
  },
  {
    row: "C11 with that same error",
    says: /closed of the reader gives undefined/,
    reason: "workerd cancels the stream, by which the failure looks like an end",
  },
  {
    row: "O2 remoteAddress is the peer's own",
    says: /remoteAddress is "localhost:/,
    reason:
      "workerd gives back what was asked for; the standard says that it may differ, which is the point of it",
  },
  {
    row: "O3 localAddress is ours",
    says: /localAddress is undefined/,
    reason: "workerd has none for its own connects",
  },
  { row: "O4 alpn is null without TLS", says: /alpn is undefined/, reason: "workerd has no ALPN" },
  {
    row: "K3 an RST that nobody reads does, at once",
    says: /closed stays pending/,
    reason: "who waits for a dead peer must not need a reader",
  },
  {
    row: "K4 closed rejects with a SocketError when it cannot be opened",
    says: new RegExp(`is no TypeError: Error: ${REFUSED}`),
    reason: "workerd rejects with a plain error, which does not tell why",
  },
  {
    row: "X1 close() returns the promise that closed is, each time",
    says: /there are several/,
    reason: "workerd makes a promise for each call",
  },
  {
    row: "X2 a read that waits is done, and so are later ones",
    says: /the read rejects with TypeError: This socket has been closed/,
    reason: "the standard cancels readable, and a stream that is cancelled is done",
  },
  {
    row: "X3 with the reason given",
    says: /the write has another error/,
    reason: "workerd's close() takes no reason",
  },
  {
    row: "X4 while it is not open, opened rejects with the reason",
    says: /opened gives/,
    reason: "workerd connects first, and closes then",
  },
  {
    row: "X6 close() after the peer's FIN was read",
    says: /closed rejects with TypeError: This socket has been closed/,
    reason: "a fault of workerd (cloudflare/workerd#6479): an orderly end is no failure",
  },
  {
    row: "X7 close() of what could not be opened",
    says: /close\(\) gives undefined/,
    reason: "close() is closed, which has rejected",
  },
  {
    row: "H1 readable piped to writable sends all of it back",
    says: /closed stays pending/,
    reason: "in workerd an end that a pipe reads settles closed no more than one that nobody reads",
  },
  {
    row: "H3 closed resolves when both sides have ended",
    says: /closed stays pending/,
    reason: "the standard does not say (cloudflare/workerd#5653); there is nothing left that could happen",
  },
  {
    row: "E1 a SocketError is a TypeError, and prints as SocketError",
    says: new RegExp(`is no TypeError: Error: ${REFUSED}`),
    reason: "workerd has no SocketError",
  },
  {
    row: "L2 sni is the name that is sent and verified",
    says: /the name at the peer is null/,
    reason: "workerd ignores sni",
  },
  {
    row: "L2 a certificate for another name is refused",
    says: /opened gives/,
    reason: "workerd ignores sni, and verifies the hostname",
  },
  { row: "L2 sni without TLS is refused", says: /sni throws nothing/, reason: "workerd ignores sni" },
  {
    row: "L3 alpn is offered, and what was chosen is told",
    says: /the protocol at the peer and here is \[null,null\]/,
    reason: "workerd has no ALPN",
  },
  { row: "L3 alpn without TLS is refused", says: /alpn throws nothing/, reason: "workerd has no ALPN" },
  {
    row: "T1 startTls of a TLS socket throws",
    says: /is no SocketError: TypeError: Cannot startTls on a TLS socket/,
    reason: "workerd throws a plain TypeError",
  },
  {
    row: "T2 startTls of a socket opened without it throws",
    says: /is no SocketError: TypeError: The `secureTransport` socket option must be set to 'starttls'/,
    reason: "workerd throws a plain TypeError",
  },
  {
    row: "T3 upgraded is true at once",
    says: /upgraded at once is false/,
    reason: "workerd sets it when what was written is sent; the standard sets it in the call",
  },
  {
    row: "T6 the old reader and writer stop",
    says: /opened stays pending/,
    reason: "workerd waits for the streams to be let go of; the standard takes them away",
  },
  {
    row: "T6 a read that waits is settled, and TLS goes on",
    says: /opened stays pending/,
    reason: "workerd hangs",
  },
  {
    row: "T7 a second startTls() throws",
    says: /is no SocketError: TypeError: startTls has already been called/,
    reason: "workerd throws a plain TypeError",
  },
  {
    row: "T8 of what cannot be opened",
    says: /opened of the new socket stays pending/,
    reason: "in workerd nobody tells the new socket that the old one has failed",
  },
  {
    row: "T10 startTls() right after close() throws",
    says: /startTls\(\) throws nothing/,
    reason: "workerd notices close() only when it is done",
  },
  {
    row: "T10 startTls() of a closed socket throws a SocketError",
    says: /is no SocketError: TypeError/,
    reason: "workerd throws a plain TypeError",
  },
  {
    row: "T11 a name by sni, among options of others",
    says: /the name at the peer is null/,
    reason: "workerd knows the name as expectedServerHostname alone",
  },
  {
    row: "T11 a name by servername",
    says: /the name at the peer is null/,
    reason: "workerd knows the name as expectedServerHostname alone",
  },
  {
    row: "T11 another name is refused, and no byte goes out",
    says: /opened gives/,
    reason: "workerd ignores sni, and verifies the hostname",
  },
];
