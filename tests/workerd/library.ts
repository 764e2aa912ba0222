/**
 * Cases for the library inside workerd: each gets a workerd of its own, with
 * the built package in it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { stagePackage } from "../../scripts/staged_package.ts";
import { type CaseContext, testCase } from "../kit/cases.ts";
import type { Oracle } from "../kit/oracle.ts";
import { sleep } from "../kit/time.ts";
import { Workerd, type WorkerdOptions } from "./harness.ts";

/** What a case is given. */
export interface InsideContext extends CaseContext {
  workerd: Workerd;
}

/** One case as data. */
export interface InsideCase {
  name: string;
  run: (context: InsideContext) => unknown;
  options?: WorkerdOptions;
}

const SETTLE_LIMIT = 2_000;
const ENTRIES = ["workerd", "node", "deno", "bun"] as const;

/** Before the first case, whose time it would take. */
const folder = await stagePackage(() => {});

/** The entries of the package, as `modules` has them: `keepwire` is the main one. */
function library(): Pick<WorkerdOptions, "modules" | "folders"> {
  const adapters = ENTRIES.map((name) => [name, `keepwire/adapters/${name}/mod.js`]);
  return {
    modules: { keepwire: "keepwire/mod.js", sockets: "keepwire/sockets.js", ...Object.fromEntries(adapters) },
    folders: { keepwire: `${folder}/esm` },
  };
}

/** Registers the cases of one subject. After each no socket may be left in workerd, and no rejection unhandled. */
export function insideCases(title: string, list: readonly InsideCase[]): void {
  for (const { name, run, options } of list) {
    testCase(`${title}: ${name}`, { timeout: 60_000 }, async (context) => {
      await using workerd = await Workerd.start({ ...library(), ...options });
      const oracle = context.oracle.of(workerd.pid);
      const { sockets } = await oracle.countFds();
      await run({ ...context, workerd });
      assertEquals(await workerd.run(({ unhandled }) => unhandled), []);
      await settle(oracle, sockets);
    });
  }
}

async function settle(oracle: Oracle, before: number): Promise<void> {
  const until = Date.now() + SETTLE_LIMIT;
  while ((await oracle.countFds()).sockets > before) {
    if (Date.now() > until) {
      const open = (await oracle.all()).map(({ local, remote, state }) => `${local} -> ${remote} ${state}`);
      throw new Error(`sockets leaked in workerd:\n${open.join("\n")}`);
    }
    await sleep(25);
  }
}

/** What is left of an error on its way out of workerd. */
export interface ErrorFacts {
  classes: string[];
  message: string;
  code?: string;
  op?: string;
  localAddress?: unknown;
  remoteAddress?: unknown;
  options?: string[];
  hint?: string;
  cause?: string;
}

/**
 * A step's function around `body`, which sees `keepwire`, `state`, `arg` and
 * `far`, and these: `failure(promiseOrFunction)` gives the facts of the error
 * that comes, or `undefined`; `within(ms, promise)` gives `"pending"` when
 * nothing came; `bytes(text)`, `text(bytes)`, and `sha()` with `update`, `digest`.
 */
export function step(body: string): string {
  return `async ({ modules, state, far }, arg) => {
    const keepwire = modules.keepwire;
    const facts = (error) => {
      const classes = [];
      for (let proto = Object.getPrototypeOf(error); proto; proto = Object.getPrototypeOf(proto)) {
        classes.push(proto.constructor.name);
      }
      const { message, code, op, localAddress, remoteAddress, options, hint, cause } = error;
      const told = cause === undefined ? undefined : cause instanceof Error ? cause.message : String(cause);
      return { classes, message, code, op, localAddress, remoteAddress, options, hint, cause: told };
    };
    const failure = async (work) => {
      try {
        await (typeof work === "function" ? work() : work);
      } catch (error) {
        return facts(error);
      }
    };
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const within = (ms, promise) => Promise.race([promise, sleep(ms).then(() => "pending")]);
    const bytes = (text) => new TextEncoder().encode(text);
    const text = (bytes) => new TextDecoder().decode(bytes);
    const readText = async (connection, length = 65_536) => {
      const buffer = new Uint8Array(length);
      const count = await connection.read(buffer);
      return count === null ? null : text(buffer.subarray(0, count));
    };
    const sha = () => {
      const stream = new crypto.DigestStream("SHA-256");
      const writer = stream.getWriter();
      return {
        update: (data) => writer.write(data.slice()),
        digest: async () => {
          await writer.close();
          return [...new Uint8Array(await stream.digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        },
      };
    };
    {
      ${body}
    }
  }`;
}
