/** The picture of a timeline, from timelines made by hand. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { drawing } from "../lab/docs_drawing.ts";
import { flags, type Name, pack, widthOf } from "../lab/docs_labels.ts";
import type { Timeline, TimelineEvent } from "../lab/timeline.ts";

const probe = (at: number): TimelineEvent => ({ at, from: "us", kind: "probe", delivered: false, bytes: 0 });
const DIES: Timeline = {
  scenario: 1,
  title: "Idle <and> gone",
  runtime: "Deno 2.9.6",
  options: "idle 1 s, interval 1 s, count 3",
  cut: 300,
  predicted: 4000,
  code: "ETIMEDOUT",
  marks: { t0: 0, suspect: 1030, dead: 4130 },
  events: [
    { at: 0, from: "peer", kind: "data", delivered: true, bytes: 5 },
    ...[1010, 2020, 3040].map(probe),
    { at: 4080, from: "us", kind: "rst", delivered: false, bytes: 0 },
  ],
};

const count = (svg: string, pattern: RegExp) => svg.match(pattern)?.length ?? 0;
const words = (svg: string) =>
  [...svg.matchAll(/<text class="([^"]+)"[^>]*>([^<]*)</g)].map(([, , text]) => text);

test("drawing: every segment is an arrow, and a cross where it was dropped", () => {
  const svg = drawing(DIES);
  assertEquals(count(svg, /class="arrow probe" d="M[\d.]+ 0L/g), 3);
  assertEquals(count(svg, /class="cross drop"/g), 4 + 1); // and the one that explains
  assertEquals(count(svg, /class="arrow data head"/g), 1);
});

test("drawing: says what was predicted and what came, when it was suspected, and what nobody sees", () => {
  const svg = drawing(DIES);
  for (
    const text of [
      "predicted 4.00 s",
      "measured 4.13 s",
      "suspect 1.03 s",
      "told 4.13 s: ETIMEDOUT",
      "path cut",
      "probe 1",
      "probe 3",
    ]
  ) assert(words(svg).includes(text), `${text} is missing`);
  assert(svg.includes('<title id="title">1. Idle &#60;and&#62; gone</title>'), "the title");
  assert(svg.includes("Dropped after it: 3 x probe, 1 x rst."), "the description");
  assert(svg.includes("prefers-color-scheme:dark"), "no dark colours");
  assert(!/href|url\(|@import/.test(svg), "it must need nothing from outside");
});

test("drawing: the measured span ends where the kernel was told, by the scale of the predicted one", () => {
  const svg = drawing(DIES);
  const span = (kind: string) => {
    const [, from, end] = new RegExp(`class="bracket ${kind}" d="M([\\d.]+) .*M([\\d.]+) [\\d.]+V[\\d.]+"`)
      .exec(svg)!;
    return Number(end) - Number(from);
  };
  assert(Math.abs(span("dead") / span("predicted") - 4130 / 4000) < 0.001);
});

test("drawing: a connection that lives has no end", () => {
  const { predicted: _, code: __, ...rest } = DIES;
  const svg = drawing({
    ...rest,
    marks: { t0: 0 },
    cut: [{ at: 500, until: 900 }, { at: 1500, until: 1700 }],
  });
  assertEquals(count(svg, /class="cross end"/g), 0);
  assertEquals(count(svg, /rect class="cut"/g), 2);
  assert(svg.includes("The connection lives at the end."));
});

test("drawing: a flow is a band", () => {
  const flow = Array.from({ length: 500 }, (_, index): TimelineEvent => ({
    at: index * 4,
    from: "us",
    kind: "data",
    delivered: true,
    bytes: 1000,
  }));
  const svg = drawing({ ...DIES, events: flow });
  assertEquals(count(svg, /class="band data"/g), 1);
  assertEquals(count(svg, /class="arrow data"/g), 1); // the one that explains
  assert(words(svg).includes("data 500 kB"));
});

test("labels: none lies over another, whatever stands where", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 16_807) % 2_147_483_647) % below;
  for (let turn = 0; turn < 500; turn++) {
    const labels = Array.from({ length: 1 + random(6) }, (_, index) => ({
      kind: "t0",
      x: 62 + random(750),
      text: `label ${index} ${"x".repeat(random(20))}`,
    }));
    const flying = flags(labels, 62, 812);
    for (const one of flying) {
      const right = one.left + widthOf(one.text);
      assert(one.left >= 62 && right <= 812, "outside the picture");
      for (const other of flying) {
        if (other === one) continue;
        const apart = other.left >= right || other.left + widthOf(other.text) <= one.left;
        assert(other.lane !== one.lane || apart, "two flags in one place");
      }
    }
    const names = labels.map(({ x, text }): Name => ({ kind: "data", x, text, short: "1", y: random(2) }));
    const packed = pack(names, 62, 812);
    for (const one of packed) {
      for (const other of packed) {
        const apart = other.left >= one.left + widthOf(one.text) ||
          other.left + widthOf(other.text) <= one.left;
        assert(one === other || one.y !== other.y || apart, "two names in one place");
      }
    }
  }
});
