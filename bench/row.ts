/**
 * What comes of one measure on one runtime.
 *
 * @module
 */

/** The middle of some numbers, and half of them around it. */
export interface Spread {
  median: number;
  /** First and third quartile. */
  low: number;
  high: number;
}

/** `ratio`: above 1 keepwire is faster, or smaller. Absent are both where there is nothing to compare with. */
export interface Row {
  unit: "MiB/s" | "us" | "bytes" | "% core";
  keepwire: Spread;
  bare?: Spread;
  ratio?: Spread;
}

/** A row of samples in milliseconds for `op` units; the ratio is of neighbours, which had the same weather. */
export function rowOf(
  samples: { keepwire: number[]; bare: number[] },
  unit: Row["unit"],
  op: number,
): Row {
  const inUnit = (milliseconds: number) =>
    unit === "MiB/s" ? op / 1_048_576 / (milliseconds / 1000) : milliseconds * 1000;
  return {
    unit,
    keepwire: spreadOf(samples.keepwire.map(inUnit)),
    bare: spreadOf(samples.bare.map(inUnit)),
    ratio: spreadOf(samples.bare.map((bare, i) => bare / samples.keepwire[i])),
  };
}

/** The spread of some numbers, rounded to four digits. */
export function spreadOf(numbers: number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (part: number) => Number(sorted[Math.round((sorted.length - 1) * part)].toPrecision(4));
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** The row as a line of text. */
export function textOf(name: string, { unit, keepwire, bare, ratio }: Row): string {
  const value = ({ median }: Spread) => median.toLocaleString("en", { maximumFractionDigits: 2 }).padStart(9);
  const fixed = (number: number) => number.toFixed(2);
  const ours = `  ${name.padEnd(27)}${value(keepwire)} ${unit.padEnd(6)}`;
  if (bare === undefined || ratio === undefined) return ours.trimEnd();
  return `${ours} bare${value(bare)} ${unit.padEnd(6)} ` +
    `ratio ${fixed(ratio.median)} (${fixed(ratio.low)} to ${fixed(ratio.high)})`;
}
