/** Places of the list that are selected, and where a range begins. */
export interface Selection {
  places: ReadonlySet<number>;
  anchor: number;
}

const MOST = 1000; // more than that is a decision on many at once, with its own rules

/** What is selected, and all from `anchor` to `to`. */
export function between(before: Selection, anchor: number, to: number): Selection {
  const places = new Set(before.places);
  const step = anchor <= to ? 1 : -1;
  for (let at = anchor; at !== to + step && places.size < MOST; at += step) places.add(at);
  return { places, anchor };
}
