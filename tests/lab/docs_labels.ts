/**
 * Where words stand so that none lies over another.
 *
 * @module
 */

/** Words that belong to a place along time. */
export interface Label {
  kind: string;
  x: number;
  text: string;
}

/** A flag on its mast: which row it flies in, and where its words begin. */
export interface Flag extends Label {
  /** 0 is the lowest. */
  lane: number;
  left: number;
}

/** A word beside an arrow: whole if there is room, else short, else not at all. */
export interface Name extends Label {
  short: string;
  y: number;
}

const GAP = 6;

/** Of words at 16 px: fonts differ, so rather too wide. */
export function widthOf(words: string): number {
  let width = 0;
  for (const letter of words) {
    width += /[ilj.,:;'|!t()I ]/.test(letter) ? 5 : /[A-Zmw%]/.test(letter) ? 11.5 : 9;
  }
  return width;
}

/**
 * Words to the right of their masts, or to the left where the picture ends.
 * A mast is drawn up to its own row: the further left, the higher, so that
 * words fly above the masts they pass.
 */
export function flags(labels: Label[], from: number, to: number): Flag[] {
  const placed: Flag[] = [];
  for (const label of [...labels].sort((a, b) => b.x - a.x)) {
    const width = widthOf(label.text) + GAP;
    const left = Math.max(from, label.x + width <= to ? label.x : label.x - width);
    const passes = placed.filter(({ x, left: other, text }) =>
      (x >= left - 2 && x < left + width) || (other < left + width && other + widthOf(text) + GAP > left)
    );
    const lane = Math.max(-1, ...passes.map((other) => other.lane)) + 1;
    placed.push({ ...label, lane, left });
  }
  return placed.reverse();
}

/** Centres each over its place in turn, the important ones first. */
export function pack(names: Name[], from: number, to: number): (Name & { left: number })[] {
  const placed: { left: number; right: number; y: number }[] = [];
  const result: (Name & { left: number })[] = [];
  for (const name of names) {
    for (const words of [name.text, name.short]) {
      const width = widthOf(words);
      const left = Math.min(Math.max(name.x - width / 2, from), to - width);
      const right = left + width;
      const free = placed.every((one) =>
        one.y !== name.y || right + GAP <= one.left || left >= one.right + GAP
      );
      if (!free) continue;
      placed.push({ left, right, y: name.y });
      result.push({ ...name, text: words, left });
      break;
    }
  }
  return result;
}
