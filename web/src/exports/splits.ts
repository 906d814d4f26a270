import type { Schemas } from "../api/client";

export type Split = NonNullable<Schemas["NewExport"]["splits"]>[number];
const SPLITS: readonly Split[] = ["train", "val", "test"];

/** The splits that one may choose between: those that the dataset has, where it has at least two parts. */
export function choosable(counts: Readonly<Record<string, number>> | null): Split[] {
  const there = Object.entries(counts ?? {}).filter(([, n]) => n > 0);
  return there.length < 2 ? [] : SPLITS.filter((split) => there.some(([name]) => name === split));
}

/** What to ask for: null, everything, also where all that can be chosen is, for then samples without a split go along. */
export function asked(chosen: ReadonlySet<Split>, there: readonly Split[]): Split[] | null {
  const some = there.filter((split) => chosen.has(split));
  return some.length === 0 || some.length === there.length ? null : some;
}
