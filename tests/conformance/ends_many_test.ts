/**
 * Opening and closing again and again leaves nothing behind.
 *
 * @module
 */
import { connect, type Connection } from "../../mod.ts";
import { type CaseContext, cases } from "../kit/cases.ts";
import { openListener, portOf, socketPath } from "../kit/pairs.ts";
import { eventually } from "../kit/time.ts";

/** At once: fewer than any backlog. */
const AT_ONCE = 40;

/** How one connection ends. */
type End = (client: Connection) => unknown;

/** Opens and ends so many connections between two ends of ours. */
async function openAndEnd(context: CaseContext, count: number, path: string | undefined, end: End) {
  const where = path === undefined ? { hostname: "127.0.0.1", port: 0 } : { path };
  const listener = await openListener(context, where);
  const to = path === undefined ? { port: portOf(listener) } : { path };
  const ends = { resolved: 0, rejected: 0 };
  const accepting = (async () => {
    for await (const server of listener) {
      // Its end is read at once; it closes by itself then.
      server.read(new Uint8Array(16)).catch(() => {});
      server.closed.then(() => ends.resolved++, () => ends.rejected++);
    }
  })();
  let left = count;
  const client = async () => {
    while (left-- > 0) await end(await connect(to));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  await listener.close();
  await accepting;
  return ends;
}

async function assertNothingLeft(context: CaseContext, work: () => Promise<unknown>): Promise<void> {
  const before = await context.oracle.countFds();
  await work();
  const back = async () => {
    const now = await context.oracle.countFds();
    return now.sockets === before.sockets && now.total <= before.total;
  };
  await eventually(back, 5_000, "File descriptors back to the start");
}

cases("again and again", [
  {
    name: "2,000 connections opened and closed",
    timeout: 60_000,
    run: async (context) => {
      // What the runtime opens once for all, such as threads for names.
      await openAndEnd(context, AT_ONCE, undefined, (client) => client.close());
      await assertNothingLeft(context, async () => {
        const ends = await openAndEnd(context, 2_000, undefined, (client) => client.close());
        await eventually(() => ends.resolved === 2_000, 5_000, "An orderly end of all");
      });
    },
  },
  {
    name: "200 by path",
    run: async (context) => {
      await assertNothingLeft(context, async () => {
        const ends = await openAndEnd(context, 200, socketPath(context), (client) => client.close());
        await eventually(() => ends.resolved === 200, 5_000, "An orderly end of all");
      });
    },
  },
  {
    name: "200 dropped",
    run: async (context) => {
      // Those that were dropped before they were accepted are handed to nobody.
      await assertNothingLeft(
        context,
        () => openAndEnd(context, 200, undefined, (client) => client.abort()),
      );
    },
  },
]);
