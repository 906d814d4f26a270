/** How fast something goes and how long it will take, from what was seen of it lately. */
export interface Seen {
  readonly at: number; // ms
  readonly done: number;
}

const WINDOW_MS = 15_000;
const ENOUGH_MS = 1000;

/** The last seconds, and one look at least; what went back, as after a lost line, begins anew. */
export function seen(before: readonly Seen[], now: Seen): Seen[] {
  const last = before.at(-1);
  if (last && now.done < last.done) return [now];
  return [...before.filter(({ at }) => now.at - at <= WINDOW_MS), now];
}

/** Units a second; null while too little was seen. */
export function speed(looks: readonly Seen[]): number | null {
  const [first, last] = [looks[0], looks.at(-1)];
  if (!first || !last || last.at - first.at < ENOUGH_MS) return null;
  return ((last.done - first.done) * 1000) / (last.at - first.at);
}

/** Seconds until all is done; null while nobody can say. */
export function remaining(looks: readonly Seen[], all: number): number | null {
  const [pace, last] = [speed(looks), looks.at(-1)];
  return pace && last ? Math.max(0, all - last.done) / pace : null;
}
