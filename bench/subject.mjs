// Runs in each runtime: keepwire and the bare runtime in turns, in one process. Prints one line of JSON a measure.
//   subject.mjs RUNTIME LIBRARY PORTS '{"rounds":11,"sample":80,"only":""}'
import process from "node:process";
import { keepwire } from "./keepwire.mjs";
import { MEASURES } from "./measures.mjs";

const [runtime, library, portsText, settingsText] = process.argv.slice(2);
const ports = JSON.parse(portsText);
const { rounds, sample, only, idle } = JSON.parse(settingsText);
const { bare } = await import(`./bare_${runtime}.mjs`);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (idle) {
  await holdIdle(idle.who, idle.count);
} else {
  const [ours, plain] = [await keepwire(library), bare(library)];
  for (const measure of MEASURES) {
    if (measure.name.includes(only)) print(await compare(measure, ours, plain));
  }
  process.exit(0);
}

async function compare({ name, ours: oursName, bare: bareName, op, args = [] }, ours, plain) {
  const sides = [
    () => ours[oursName](ports, count * op, ...args),
    () => plain[bareName](ports, count * op, ...args),
  ];
  let count = 1;
  // Warms both up, until one sample takes as long as it should.
  for (;;) {
    const took = await sides[1]();
    await sides[0]();
    if (took >= sample / 2) {
      count = Math.max(1, Math.round(count * sample / took));
      break;
    }
    count *= took < sample / 8 ? 4 : 2;
  }
  for (const side of sides) await side();
  const samples = [[], []];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const side of order) samples[side].push(await sides[side]() / count);
  }
  return { name, count, keepwire: samples[0], bare: samples[1] };
}

/** Opens many connections and says so; who reads the memory is outside. */
async function holdIdle(who, count) {
  const side = who === "keepwire" ? await keepwire(library) : bare(library);
  await side.idle(ports, 10);
  print({ warm: true });
  await nextLine();
  globalThis.held = await side.idle(ports, count);
  // keepwire's standing reads are posted up to a second late.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  print({ held: count });
  await nextLine();
  process.exit(0);
}

function nextLine() {
  return new Promise((resolve) => process.stdin.once("data", resolve));
}
