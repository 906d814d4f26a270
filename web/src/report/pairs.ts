import type { Schemas } from "../api/client";

/** Which classes are taken for which: flagged samples with a suggestion, and wrong labels as they are expected. */
export interface MixUp {
  given: string;
  other: string;
  flagged: number;
  expected: number;
}

/** Which of the two numbers of a mix-up is looked at. */
export type Measure = "flagged" | "expected";

export const MOST_IN_A_TABLE = 25;

/** All pairs that the flags or the expectation know of, the most frequent first. */
export function mixUps(pairs: readonly Schemas["Pair"][], moves: Schemas["Moves"]): MixUp[] {
  const found = new Map<string, MixUp>();
  const of = (given: string, other: string): MixUp => {
    const key = JSON.stringify([given, other]);
    const known = found.get(key) ?? { given, other, flagged: 0, expected: 0 };
    found.set(key, known);
    return known;
  };
  for (const { given, suggested, count } of pairs) of(given, suggested).flagged = count;
  moves.counts.forEach((row, i) => {
    row.forEach((expected, j) => {
      const [given, other] = [moves.labels[i], moves.labels[j]];
      if (expected >= 0.5 && given !== undefined && other !== undefined) of(given, other).expected = expected;
    });
  });
  return [...found.values()].sort((one, two) => two.flagged - one.flagged || two.expected - one.expected);
}

/** The classes that take part, in the dataset's own order as far as that is known. */
export function involved(found: readonly MixUp[], order: readonly string[]): string[] {
  const names = new Set(found.flatMap(({ given, other }) => [given, other]));
  const known = order.filter((name) => names.delete(name));
  return [...known, ...names];
}
