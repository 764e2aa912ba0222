/**
 * What docs/detection.md says in words.
 *
 * @module
 */

/** Before the results. */
export const INTRODUCTION = `
# How long until a dead peer is noticed

A peer that vanishes says nothing. Whether anybody notices, and when, is decided by the timers of the kernel:
which of them run depends on what the connection is doing at that moment. \`detectsWithin\` of
\`connection.getKeepAlive()\` says beforehand how long it takes, in milliseconds, for each of the three states:

| State                                                                | What the kernel does                                                                                                          | The number                 | It counts from                                                                      |
| -------------------------------------------------------------------- | ----------------------------------------------------------------------------------------------------------------------------- | -------------------------- | ----------------------------------------------------------------------------------- |
| Idle: nothing of ours is unacknowledged                              | After \`idle\` it sends a probe, then one each \`interval\`. After \`count\` unanswered ones it gives up an interval after the last. | \`detectsWithin.idle\`       | the last segment received                                                           |
| In flight: data of ours is not acknowledged                          | Keepalive is suspended. It sends the data again and again, with twice the time between each.                                  | \`detectsWithin.inFlight\`   | when the oldest such byte was sent, or the last segment received if that was later  |
| Zero window: the peer reads nothing, its window is closed, data waits | Keepalive is suspended. It probes the window, with twice the time between each.                                               | \`detectsWithin.zeroWindow\` | with a user timeout when the window closed, without one the last segment received |

A user timeout (\`userTimeout\`, \`TCP_USER_TIMEOUT\`) bounds all three:

- idle, it takes the place of \`count\`: the peer is given up when a probe falls due that finds the user timeout
  over and an earlier probe unanswered. With idle 1 s, interval 4 s and user timeout 6 s that is after 9 s, and
  after 10 s at worst: where the interval is the longer one, what comes between two probes puts the first
  unanswered one off;
- in flight, it counts from the first retransmission;
- with a closed window, it counts from the first window probe, also when the peer answers every one of them: a
  peer that is alive and does not read is given up as well.

Without one, data in flight is sent again until \`net.ipv4.tcp_retries2\` is used up, about 15 minutes, and a
closed window of a peer that answers is probed for ever.

Whatever ends the connection, \`closed\` rejects within a second of the kernel's verdict, without anybody
reading, with one \`SocketError\` that is also the error of every pending and later read and write.

## How it is measured

\`deno task lab\` makes three hosts for each case, network namespaces of this machine's kernel: ours, a router
and the peer. The library runs in ours on one of the runtimes, opens or accepts a connection, asks for
\`detectsWithin\`, and then the router drops what passes, or what the case says. Both hosts are captured. The
clock starts at the segment that the table above names, as the capture shows it, and stops when \`closed\`
rejects. A case passes when that lies between 10 % before and 10 % and one second after what was predicted,
when the error is the right one everywhere, when the process holds the socket no more, and when nothing is left
unhandled. Values are short so that a run takes minutes; the rules do not change with them.

\`\`\`sh
deno task lab                                  # every scenario on every runtime
deno task lab --scenario=4 --runtime=node      # one of them, on the versions of Node
deno task lab --write                          # and writes this document from what was measured
\`\`\`

It needs Linux and root, and installs nftables, iproute2 and tcpdump on Debian when they are missing.

## How to read the pictures

Time runs to the right and counts from the clock's start. The upper line is our host, the lower one the peer; an
arrow is a segment on its way from one to the other, as both captures show it, and ends at a cross where the
router dropped it. In the shaded part nothing passes. \`suspect\` is when \`watchHealth\` told that the peer does
not answer, \`told\` when \`closed\` rejected; our line ends there. Below stand the time that \`detectsWithin\` said
and the time that was measured. A flow of data is a band.

## What was measured
`;

/** What each scenario shows, by its number. */
export const SCENARIO_TEXT: Record<number, string> = {
  1: "Nothing is in flight, and from one moment on nothing passes. Keepalive decides: `detectsWithin.idle` is " +
    "idle + interval x count. The captures show the probes at the times that were set, on every runtime.",
  2: "As before, with a user timeout above, equal to and below idle + interval x count. `count` is ignored then; " +
    "death comes with the probe that finds the user timeout over, one unanswered probe at least.",
  3: "Nobody reads. The death is told all the same, and what was received before it can still be read; also when " +
    "the read-ahead is full, so that the runtime itself would never know. Over TLS, too, where the runtime may have " +
    "taken records from the kernel that nobody has read.",
  4: "Data is in flight when the peer vanishes, so that keepalive is suspended. With a user timeout, that " +
    "decides. Without one the kernel goes on sending until `tcp_retries2` is used up.",
  5: "The peer is alive, answers, and does not read: its window is closed. With a user timeout the connection " +
    "ends, without one it lives on.",
  6: "The window is closed, and then the peer vanishes too.",
  7: "Keepalive and a user timeout that is no multiple of the interval: death is rounded up to the next probe. " +
    "Idle 1 s, interval 4 s, count 3, user timeout 6 s: 9 s when the peer falls silent before the first probe, up " +
    "to 10 s when its last word comes between two.",
  8: "The connection never comes to be: the SYN is dropped. `timeout` and `signal` end the attempt, and the user " +
    "timeout bounds it too.",
  9: "A firewall forgets flows that are silent for 4 s, and then drops what belongs to none. A connection with " +
    "idle 2 s keeps it from forgetting, and carries data after 30 s. One without keepalive does not know that it " +
    "is dead: its next write ends it, when the user timeout is over.",
  10:
    "The path fails three times for less than the detection time, with data under way each way, and idle. No " +
    "connection is given up, and every byte arrives. The last case is the limit of that: what is in flight is tried " +
    "again at times that double, and not once more when the user timeout is over. The path must be back for one of " +
    "these tries, so an outage longer than half the user timeout can be too long.",
  11:
    "The peer is there, and its connection is not: its process was killed, or its host was rebooted. It answers " +
    "with an RST: at once, or to the next probe.",
  12:
    "The router answers with ICMP. While a connection stands that is a hint for the kernel and no verdict (RFC " +
    "1122, 4.2.3.9): it goes on for as long as `detectsWithin` says. With data in flight the last hint is the " +
    "error then: `EHOSTUNREACH`, `ENETUNREACH`, or `ECONNREFUSED` for a port. A hint about a keepalive probe is " +
    "ignored, since the probe's sequence number is none of those in flight: `ETIMEDOUT`.",
  13: "One direction has ended by a FIN when the peer vanishes.",
  14:
    "2,000 connections of one process, which heard from the peer for the last time within three seconds, lose the " +
    "path at the same moment. All are told, the process stays responsive, and no file descriptor is left.",
};
