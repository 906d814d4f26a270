import type { Schemas } from "../api/client";

export type Saying = Schemas["Saying"];
export type Source = Schemas["Sayings"]["source"];

/** A decision that has not been written yet: who said it, of what, how the sample came to be looked at, and when. */
export interface Kept {
  audit: string;
  reviewer: string;
  source: Source;
  at: number;
  saying: Saying;
}

const AT_ONCE = 1000;

export const inOrder = (kept: Iterable<Kept>): Kept[] => [...kept].sort((one, other) => one.at - other.at);

/** The first of them that one request can speak of: what one person said about one audit. */
export function together(oldest: Kept[]): Kept[] {
  const [first] = oldest;
  const end = oldest.findIndex(
    ({ audit, reviewer, source }) => audit !== first?.audit || reviewer !== first.reviewer || source !== first.source,
  );
  return oldest.slice(0, Math.min(AT_ONCE, end < 0 ? oldest.length : end));
}
