/**
 * Bytes in bulk, both ways at once: none lost, none doubled, none out of order.
 *
 * @module
 */
import { type Case, cases } from "../kit/cases.ts";
import { socketPath } from "../kit/pairs.ts";
import { bothWays, MiB, ownBothWays, SLOW } from "./bytes.ts";

/** The one that the others are small beside. */
const BULK = 256 * MiB;
const SOME = 24 * MiB;

const ways: Case[] = (["accepted", "connected by path", "accepted by path"] as const).map((way) => ({
  name: `both ways at once, ${way}`,
  run: (context) => bothWays(context, way, SOME, SLOW),
}));

cases("bytes in bulk", [
  {
    name: "256 MiB both ways at once in random pieces, with a slow reader at each end",
    timeout: 90_000,
    run: (context) => bothWays(context, "connected", BULK, SLOW),
  },
  ...ways,
  {
    name: "both ways at once between two ends of ours",
    timeout: 60_000,
    run: (context) => ownBothWays(context, 2 * SOME),
  },
  {
    name: "both ways at once between two ends of ours, by path",
    timeout: 60_000,
    run: (context) => ownBothWays(context, SOME, socketPath(context)),
  },
]);
