import type { Points } from "./points";
import type { Shape } from "./shapes";

/** By what the points are told apart, and into which groups that puts them. */
export const WAYS = ["verdict", "given", "decision"] as const;
export type Way = (typeof WAYS)[number];
export const INKS = ["good", "bad", "warn", "calm", "odd", "accent", "muted", "text"] as const;
export type Ink = (typeof INKS)[number];

export interface Group {
  name: string;
  ink: Ink;
  shape: Shape;
  quiet: boolean;
  count: number;
}
export interface Grouped {
  groups: Group[];
  of: Uint8Array; // of each point
}

type Style = [ink: Ink, shape: Shape, quiet?: boolean];
const VERDICTS: Record<string, Style> = {
  clean: ["good", "dot", true],
  hard: ["calm", "diamond"],
  wrong: ["bad", "cross"],
  ambiguous: ["warn", "triangle"],
  alien: ["odd", "square"],
};
const DECISIONS: Record<string, Style> = {
  undecided: ["muted", "dot", true],
  keep: ["good", "diamond"],
  relabel: ["bad", "cross"],
  exclude: ["odd", "square"],
  unsure: ["warn", "triangle"],
};
const CLASSES: Style[] = [
  ["calm", "dot"],
  ["bad", "cross"],
  ["warn", "triangle"],
  ["odd", "square"],
  ["good", "diamond"],
  ["accent", "ring"],
  ["bad", "dot"],
  ["calm", "triangle"],
  ["good", "square"],
  ["warn", "ring"],
  ["odd", "diamond"],
  ["text", "cross"],
];
const OTHERS: Style = ["muted", "dot", true];

export function byVerdict(points: Points, verdicts: readonly string[]): Grouped {
  const of = Uint8Array.from(points.verdict);
  return counted(
    verdicts.map((name) => [name, VERDICTS[name] ?? OTHERS]),
    of,
  );
}

/** The most frequent classes each by themselves, all others as one. */
export function byGiven(points: Points, labels: readonly string[]): Grouped {
  const counts = new Uint32Array(labels.length);
  for (let k = 0; k < points.count; k++) counts[points.given[k] ?? 0] = (counts[points.given[k] ?? 0] ?? 0) + 1;
  const frequent = labels
    .map((_, label) => label)
    .sort((one, other) => (counts[other] ?? 0) - (counts[one] ?? 0))
    .slice(0, CLASSES.length)
    .sort((one, other) => one - other);
  const places = new Uint8Array(labels.length).fill(frequent.length);
  frequent.forEach((label, place) => {
    places[label] = place;
  });
  const named = frequent.map((label, place): [string, Style] => [labels[label] ?? "", CLASSES[place] ?? OTHERS]);
  if (labels.length > frequent.length) named.push([`${labels.length - frequent.length} other classes`, OTHERS]);
  return counted(
    named,
    Uint8Array.from({ length: points.count }, (_, k) => places[points.given[k] ?? 0] ?? 0),
  );
}

/** By what was decided; `ranks` are those of the samples with a decision, points stand in rank order. */
export function byDecision(points: Points, ranks: Readonly<Record<string, ArrayLike<number>>>): Grouped {
  const names = Object.keys(DECISIONS);
  const of = new Uint8Array(points.count);
  names.forEach((name, place) => {
    const some = ranks[name];
    for (let k = 0; some && k < some.length; k++) of[(some[k] ?? 0) - 1] = place;
  });
  return counted(
    names.map((name) => [name, DECISIONS[name] ?? OTHERS]),
    of,
  );
}

function counted(named: [string, Style][], of: Uint8Array): Grouped {
  const counts = new Uint32Array(256);
  for (const group of of) counts[group] = (counts[group] ?? 0) + 1;
  const groups = named.map(([name, [ink, shape, quiet = false]], place) => ({
    name,
    ink,
    shape,
    quiet,
    count: counts[place] ?? 0,
  }));
  return { groups, of };
}
