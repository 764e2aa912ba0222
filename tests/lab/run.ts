/**
 * Runs one case on one runtime, and judges it by what the captures and the
 * kernel say.
 *
 * @module
 */

import type { Captured } from "./capture.ts";
import type { Death, Evidence, LabCase, Scenario } from "./cases.ts";
import { errorProblems, judgeDeath, judgeRefusal, moment, round, type Row } from "./judge.ts";
import { isAlive, isHeld } from "./kernel_socket.ts";
import type { Change } from "./router.ts";
import { type ErrorData, type LabRuntime, Stage } from "./stage.ts";
import { eventsOf, joined, type Timeline } from "./timeline.ts";

export type { Row } from "./judge.ts";

/** A row and what its drawing needs. */
export interface CaseRun {
  row: Row;
  timeline?: Timeline;
  /** Why it has not been the case that it was to be: see {@link LabCase.spoiled}. */
  spoiled?: string;
}

/** A case may take so long, whatever happens. */
const WATCHDOG = 150_000;
/** Milliseconds between two looks at whether the kernel still lists the socket. */
const LOOK = 100;

/** So often a case is played that a slow machine has spoiled each time. */
const ATTEMPTS = 3;

/** Called around the costly part, so that not all start at once. */
type Setting = <T>(work: () => Promise<T>) => Promise<T>;

/** Runs it, again where it was spoiled. Never throws: what goes wrong stands in the row. */
export async function runCase(
  scenario: Scenario,
  labCase: LabCase,
  runtime: LabRuntime,
  setting: Setting,
): Promise<CaseRun> {
  for (let attempt = 1;; attempt++) {
    const run = await runOnce(scenario, labCase, runtime, setting);
    if (run.spoiled === undefined) return run;
    if (attempt === ATTEMPTS) {
      run.row.wrong.push(`spoiled ${ATTEMPTS} times: ${run.spoiled}`);
      run.row.passed = false;
      return run;
    }
  }
}

async function runOnce(
  scenario: Scenario,
  labCase: LabCase,
  runtime: LabRuntime,
  setting: Setting,
): Promise<CaseRun> {
  const { options, tls, setLater: keepAlive = labCase.keepAlive } = labCase;
  const row: Row = {
    scenario: scenario.number,
    case: labCase.name,
    side: labCase.side,
    runtime: runtime.name,
    version: runtime.version,
    options: { keepAlive, ...options, ...(tls ? { tls } : {}) },
    notes: {},
    wrong: [],
    passed: false,
  };
  const result: CaseRun = { row };
  let stage: Stage | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the case took more than ${WATCHDOG} ms`)), WATCHDOG);
  });
  try {
    stage = await setting(() => Stage.set(labCase, runtime));
    await Promise.race([play(stage, scenario, labCase, result), late]);
  } catch (error) {
    row.wrong.push(error instanceof Error ? error.stack ?? String(error) : String(error));
  } finally {
    clearTimeout(timer);
    late.catch(() => {});
    await stage?.[Symbol.asyncDispose]();
  }
  row.passed = row.wrong.length === 0;
  return result;
}

async function play(stage: Stage, scenario: Scenario, labCase: LabCase, result: CaseRun): Promise<void> {
  const { row } = result;
  const { expect } = labCase;
  row.notes = stage.notes;
  const begun = Date.now();
  await labCase.act(stage);
  let evidence: Evidence;
  if (expect.kind === "refusal" && (await stage.socketsLeft()).length > 0) {
    row.wrong.push("a socket of the attempt is left");
  }
  if (expect.kind === "death") {
    const kernelAt = await awaitDeath(stage, expect, row);
    evidence = await collect(stage, row);
    if (evidence.diedAt !== undefined) judgeDeath(expect, evidence, kernelAt, row);
  } else {
    evidence = await collect(stage, row);
    if (expect.kind === "refusal") judgeRefusal(stage.dialled, expect, row);
    else if (evidence.diedAt !== undefined) {
      row.wrong.push(`it died ${evidence.diedAt - begun} ms after the start`);
    }
  }
  result.spoiled = labCase.spoiled?.(evidence);
  row.wrong.push(...expect.check?.(evidence) ?? []);
  for (const { event, text } of stage.events) if (event === "unhandled") row.wrong.push(`unhandled: ${text}`);
  result.timeline = draw(scenario, labCase, evidence, row, stage.router.changes);
}

/** Waits for the death and looks at what it left behind. Returns when the kernel listed the socket no more. */
async function awaitDeath(stage: Stage, expect: Death, row: Row): Promise<number | undefined> {
  const status = stage.status ?? await stage.predict();
  const predicted = typeof expect.within === "function"
    ? expect.within(status)
    : status.detectsWithin[expect.within];
  if (predicted === undefined) {
    row.wrong.push(`detectsWithin.${expect.within} is absent`);
    return undefined;
  }
  row.predicted = predicted;
  const looking = lookForTheEnd(stage, predicted);
  const closed = await stage.closed(1.1 * predicted + 5_000);
  const kernelAt = await looking.stop();
  if (closed === undefined) {
    row.wrong.push(`closed has not settled ${Math.round(1.1 * predicted + 5_000)} ms after the cut`);
    return undefined;
  }
  if (closed.failed !== true) {
    row.wrong.push("closed resolved, as after an orderly end");
    return undefined;
  }
  row.code = (closed.error as ErrorData).code;
  const code = [expect.code].flat().includes(row.code ?? "") ? row.code! : [expect.code].flat().join(" or ");
  row.wrong.push(
    ...errorProblems(closed.error as ErrorData, { ...stage.ends, code, op: expect.op ?? ["read", "write"] }),
  );
  const after = await stage.us("afterDeath", { ended: expect.finRead ?? false });
  row.wrong.push(...after.wrong as string[]);
  if (after.drained !== (expect.unread ?? 0) || after.right !== true) {
    const found = `${after.drained} bytes${after.right ? "" : ", not the right ones"}`;
    row.wrong.push(`of ${expect.unread ?? 0} bytes received and not read, reading gave ${found}`);
  }
  const until = Date.now() + 2_000;
  while (await isHeld(stage.socket!) && Date.now() < until) await stage.wait(50);
  if (await isHeld(stage.socket!)) row.wrong.push("the process still holds the socket after close()");
  return kernelAt;
}

/** Looks at the kernel's list from shortly before the end is due. */
function lookForTheEnd(stage: Stage, predicted: number): { stop: () => Promise<number | undefined> } {
  let stopped = false;
  let gone: number | undefined;
  const from = Date.now() + 0.8 * predicted - 500;
  const looking = async () => {
    while (!stopped && gone === undefined) {
      await stage.wait(Date.now() < from ? Math.min(LOOK, from - Date.now()) : LOOK);
      if (stopped || Date.now() < from) continue;
      if (!(await isAlive(stage.socket!))) gone = Date.now();
    }
  };
  const done = looking();
  return {
    stop: async () => {
      stopped = true;
      await done;
      return gone;
    },
  };
}

/** Ends the captures, and gives all that is known. */
async function collect(stage: Stage, row: Row): Promise<Evidence> {
  const [ours, theirs] = await Promise.all(stage.captures.map((capture) => capture.stop()));
  const { events, ends } = stage;
  const port = ends.localAddress?.transport === "tcp" ? ends.localAddress.port : undefined;
  const ofIt = ({ port: each }: Captured) => port === undefined || each === port;
  return {
    runtime: row.runtime,
    ours: ours.filter(ofIt),
    theirs: theirs.filter(ofIt),
    cutAt: stage.cutAt,
    diedAt: events.find(({ event, connection }) => event === "closed" && connection === 1)?.at as
      | number
      | undefined,
    status: stage.status,
    health: events.filter(({ event }) => event === "health") as unknown as Evidence["health"],
    notes: stage.notes,
  };
}

function draw(
  scenario: Scenario,
  { expect }: LabCase,
  evidence: Evidence,
  row: Row,
  changes: Change[],
): Timeline | undefined {
  const { ours, theirs, diedAt } = evidence;
  const t0 = expect.kind === "death" ? moment(expect.from ?? "last received", evidence) : ours[0]?.at;
  if (t0 === undefined) return undefined;
  const events = joined(eventsOf(ours, theirs, t0), 50).map((event) => ({ ...event, at: round(event.at) }));
  const zero = zeroOf(expect);
  const dead = expect.kind === "refusal"
    ? row.measured
    : diedAt === undefined
    ? undefined
    : round(diedAt - t0);
  return {
    scenario: scenario.number,
    title: scenario.title,
    ...(zero === undefined ? {} : { zero }),
    runtime: row.runtime,
    cut: cutsOf(changes, t0, diedAt),
    predicted: row.predicted,
    events,
    marks: { t0: 0, suspect: row.suspectAt, dead },
    code: row.code,
  };
}

/** What the drawing's clock counts from, where it is not the last segment received. */
function zeroOf(expect: LabCase["expect"]): string | undefined {
  if (expect.kind === "refusal") return "first SYN";
  if (expect.kind === "life") return "SYN";
  const { from = "last received" } = expect;
  if (from === "last received") return undefined;
  // Of a clock of the case's own, its name in words: `windowClosed`.
  return typeof from === "string"
    ? from
    : from.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** When the path was not free: one moment, or each with its end. */
function cutsOf(changes: Change[], t0: number, diedAt = Infinity): Timeline["cut"] {
  const cuts = changes.flatMap(({ at, rules }, index) => {
    if (rules.length === 0 || rules.some((rule) => rule.endsWith("accept")) || at > diedAt) return [];
    const until = changes[index + 1]?.at ?? Infinity;
    return [{ at: round(at - t0), until: until < diedAt ? round(until - t0) : undefined }];
  });
  if (cuts.length === 0) return undefined;
  return cuts.length === 1 && cuts[0].until === undefined ? cuts[0].at : cuts;
}
