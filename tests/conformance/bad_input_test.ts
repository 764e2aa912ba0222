/**
 * What is refused before anything is opened: the same class and the same text
 * on each runtime.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  connect,
  type Connection,
  type ConnectOptions,
  type KeepAlive,
  listen,
  type ListenOptions,
  setKeepAlive,
} from "../../mod.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { openListener, openPair, WAYS } from "../kit/pairs.ts";
import {
  BAD_CONNECT,
  BAD_CONNECT_OBJECTS,
  BAD_KEEPALIVE,
  BAD_KEEPALIVE_OBJECTS,
  BAD_KEEPALIVES,
  BAD_LISTEN,
  BAD_LISTEN_OBJECTS,
  type BadOption,
  NO_OPTIONS,
} from "./bad_values.ts";

/** One call that must be refused. */
interface Refusal {
  given: unknown;
  class: "TypeError" | "RangeError";
  message: string;
}

/** Every bad value of one option. */
function refusalsOf({ option, expected, types, ranges }: BadOption): Refusal[] {
  const refusals = (values: BadOption["types"], name: Refusal["class"]) =>
    values.map(([given, written]) => ({
      given,
      class: name,
      message: `Cannot use ${option} = ${written}: expected ${expected}`,
    }));
  return [...refusals(types, "TypeError"), ...refusals(ranges, "RangeError")];
}

/** `{ port: value }`, or `{ keepAlive: { idle: value } }`. */
function nested(option: string, value: unknown): Record<string, unknown> {
  const [name, inner] = option.split(".");
  return { [name]: inner === undefined ? value : { [inner]: value } };
}

function checkRefusal(error: unknown, refusal: Refusal): void {
  const found = error as Error;
  assertEquals({ class: found?.constructor?.name, message: found?.message }, {
    class: refusal.class,
    message: refusal.message,
  });
}

/** A promise must be given, whatever is wrong, and it must reject. */
async function mustReject(call: () => Promise<unknown>, refusal: Refusal): Promise<void> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    throw new Error(`It threw in place of rejecting: ${refusal.message}`, { cause: error });
  }
  const settled = await Promise.allSettled([promise]);
  assertEquals(settled[0].status, "rejected", `not refused: ${refusal.message}`);
  checkRefusal((settled[0] as PromiseRejectedResult).reason, refusal);
}

function mustThrow(call: () => unknown, refusal: Refusal): void {
  try {
    call();
  } catch (error) {
    return checkRefusal(error, refusal);
  }
  throw new Error(`Not refused: ${refusal.message}`);
}

/** Nobody came to the peer, no listener is bound, and no socket is open that was not before. */
async function opensNothing({ oracle, peer }: CaseContext, work: () => Promise<void>): Promise<void> {
  const before = await oracle.countFds();
  await work();
  assertEquals(await oracle.countFds(), before, "something was opened");
  assertEquals((await oracle.all()).filter(({ listening }) => listening), []);
  assertEquals(await peer.accepted(), 0, "the peer has been connected to");
}

const typeError = (given: unknown, message: string): Refusal => ({ given, class: "TypeError", message });

const noOptions = NO_OPTIONS.map(([given, written]) =>
  typeError(given, `Cannot use options = ${written}: expected a plain object`)
);

const connectCases: Case[] = BAD_CONNECT.map((bad) => ({
  name: bad.option,
  run: async (context) => {
    const { port } = await context.peer.listen();
    const rest = bad.option === "path" ? {} : { port };
    await opensNothing(context, async () => {
      for (const refusal of refusalsOf(bad)) {
        const options = { ...rest, ...nested(bad.option, refusal.given) };
        await mustReject(() => connect(options as ConnectOptions), refusal);
      }
    });
  },
}));

const listenCases: Case[] = BAD_LISTEN.map((bad) => ({
  name: bad.option,
  run: (context) =>
    opensNothing(context, async () => {
      const rest = bad.option === "path" ? {} : { port: 0 };
      for (const refusal of refusalsOf(bad)) {
        const options = { ...rest, ...nested(bad.option, refusal.given) };
        await mustReject(() => listen(options as ListenOptions), refusal);
      }
    }),
}));

cases("bad input of connect", [
  ...connectCases,
  {
    name: "unknown keys, and what does not go together",
    run: (context) =>
      opensNothing(context, async () => {
        for (const [given, message] of BAD_CONNECT_OBJECTS) {
          await mustReject(() => connect(given), typeError(given, message));
        }
        for (const [keepAlive, message] of BAD_KEEPALIVE_OBJECTS) {
          await mustReject(() => connect({ port: 80, keepAlive }), typeError(keepAlive, message));
        }
        for (const refusal of noOptions) {
          await mustReject(() => connect(refusal.given as ConnectOptions), refusal);
        }
      }),
  },
  {
    name: "each option is read once, and the error of a getter goes through",
    run: async (context) => {
      const { port } = await context.peer.listen();
      const reason = new Error("not to be read");
      const options = {
        port,
        get noDelay(): boolean {
          throw reason;
        },
      };
      const settled = await Promise.allSettled([connect(options)]);
      assertStrictEquals((settled[0] as PromiseRejectedResult).reason, reason);
      let reads = 0;
      const counting = {
        get port() {
          return ++reads === 1 ? port : 0;
        },
      };
      const connection = await connect(counting);
      context.defer(() => connection.abort());
      assertEquals(reads, 1);
    },
  },
]);

cases("bad input of listen", [
  ...listenCases,
  {
    name: "unknown keys, and what does not go together",
    run: (context) =>
      opensNothing(context, async () => {
        for (const [given, message] of BAD_LISTEN_OBJECTS) {
          await mustReject(() => listen(given), typeError(given, message));
        }
        for (const [keepAlive, message] of BAD_KEEPALIVE_OBJECTS) {
          await mustReject(() => listen({ port: 0, keepAlive }), typeError(keepAlive, message));
        }
        for (const refusal of noOptions) {
          await mustReject(() => listen(refusal.given as ListenOptions), refusal);
        }
      }),
  },
]);

/** Everything that is wrong as keepalive options. */
function badKeepAlives(): Refusal[] {
  const inner = BAD_KEEPALIVE.flatMap((bad) =>
    refusalsOf(bad).map((refusal) => ({ ...refusal, given: nested(bad.option, refusal.given).keepAlive }))
  );
  const objects = BAD_KEEPALIVE_OBJECTS.map(([given, message]) => typeError(given, message));
  const none = typeError(
    undefined,
    "Cannot use keepAlive = undefined: expected true, false or a plain object",
  );
  return [...refusalsOf(BAD_KEEPALIVES), ...inner, ...objects, none];
}

const noDelays = BAD_CONNECT.find(({ option }) => option === "noDelay")!; // it is in the table

async function untouched(context: CaseContext, connection: Connection): Promise<void> {
  const { oracle } = context;
  const odd = await oracle.presetOdd(connection);
  for (const refusal of badKeepAlives()) {
    const given = refusal.given as KeepAlive;
    mustThrow(() => connection.setKeepAlive(given), refusal);
    mustThrow(() => setKeepAlive(connection, given), refusal);
  }
  // One good value beside a bad one is not applied either.
  mustThrow(() => connection.setKeepAlive({ idle: 5_000, interval: 6_000, count: 128 }), {
    given: 128,
    class: "RangeError",
    message: "Cannot use keepAlive.count = 128: expected an integer from 1 to 127, or null",
  });
  for (const refusal of refusalsOf(noDelays)) {
    mustThrow(() => connection.setNoDelay(refusal.given as boolean), refusal);
  }
  assertEquals(await oracle.read(connection.localAddress, connection.remoteAddress), odd);
}

cases("bad input on live sockets", [
  ...WAYS.slice(0, 2).map((way): Case => ({
    name: `setKeepAlive and setNoDelay touch nothing, ${way}`,
    run: async (context) => untouched(context, (await openPair(context, way)).connection),
  })),
  {
    name: "setKeepAlive of a listener touches nothing",
    run: async (context) => {
      const listener = await openListener(context, { hostname: "127.0.0.1", port: 0 });
      const before = await context.oracle.readListener(listener.address);
      for (const refusal of badKeepAlives()) {
        mustThrow(() => listener.setKeepAlive(refusal.given as KeepAlive), refusal);
      }
      assertEquals(await context.oracle.readListener(listener.address), before);
    },
  },
  {
    name: "a Unix socket refuses the same",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected by path");
      for (const refusal of badKeepAlives()) {
        mustThrow(() => connection.setKeepAlive(refusal.given as KeepAlive), refusal);
      }
      for (const refusal of refusalsOf(noDelays)) {
        mustThrow(() => connection.setNoDelay(refusal.given as boolean), refusal);
      }
      await connection.write(new TextEncoder().encode("fine"));
      assertEquals(await peer.readText(4), "fine");
    },
  },
  {
    name: "what is bad is said also of a closed connection",
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected");
      await peer.close();
      await connection.closed;
      for (const refusal of badKeepAlives().slice(0, 3)) {
        mustThrow(() => connection.setKeepAlive(refusal.given as KeepAlive), refusal);
      }
      assert(await connection.read(new Uint8Array(1)) === null);
    },
  },
]);
