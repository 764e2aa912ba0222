// Runs in each runtime: keepwire and the bare runtime in turns, in one process. Prints one line of JSON a measure.
//   subject.mjs RUNTIME LIBRARY PORTS '{"rounds":11,"sample":80,"only":""}'
import process from "node:process";
import { keepwire } from "./keepwire.mjs";
import { MEASURES } from "./measures.mjs";

const [runtime, library, portsText, settingsText] = process.argv.slice(2);
const ports = JSON.parse(portsText);
const { rounds, sample, only, idle, load } = JSON.parse(settingsText);
const { bare } = await import(`./bare_${runtime}.mjs`);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (load) {
  await carry(load);
} else if (idle) {
  await holdIdle(idle.who, idle.count);
} else {
  const [ours, plain] = [await keepwire(library), bare(library)];
  for (const measure of MEASURES) {
    if (measure.name.includes(only)) print(await compare(measure, ours, plain));
  }
  process.exit(0);
}

async function compare({ name, ours: oursName, bare: bareName, tls = false, op, args = [] }, ours, plain) {
  const at = tls ? securePorts() : ports;
  const sides = [
    () => ours[oursName](at, count * op, ...args),
    () => plain[bareName](at, count * op, ...args),
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

/** The same work over TLS; `caCert` says that it is. */
function securePorts() {
  const { authority: caCert, "tls source": source, "tls sink": sink, "tls echo": echo } = ports;
  return { source, sink, echo, caCert };
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

/** Single calls, and then what many connections cost while nothing happens on them; who reads the processor's time is outside. */
async function carry({ count, interval }) {
  const ours = await keepwire(library);
  const calls = 20_000;
  const info = [];
  for (let round = 0; round <= rounds; round++) info.push(await ours.info(ports, calls) / calls);
  print({ info: info.slice(1) });
  // What opening them leaves to the collector of garbage is not what they cost.
  const settle = () => new Promise((resolve) => setTimeout(resolve, 6_000));
  const connections = await ours.idle(ports, count);
  await settle();
  print({ state: "idle" });
  await nextLine();
  ours.watch(connections, interval);
  // The first look at each costs more than those that follow.
  await settle();
  print({ state: "watchHealth" });
  await nextLine();
  for (const connection of connections) connection.abort();
  globalThis.held = await ours.unread(ports, count);
  await settle();
  print({ state: "unread" });
  await nextLine();
  process.exit(0);
}

function nextLine() {
  return new Promise((resolve) => process.stdin.once("data", resolve));
}
