import type { Schemas } from "../api/client";

/** Where the list of suspects could be cut: the points of the expected precision and recall, by samples flagged. */
export type Range = Schemas["RangeOut"];
export interface CutPoint {
  flagged: number;
  score: number;
  precision: Range;
  recall: Range | null;
  hard: number;
}
export interface Cuts {
  points: CutPoint[];
  current: { flagged: number; score: number | null };
}

/** The point nearest to a number of flagged samples. `points` rise by `flagged` and are not empty. */
export function nearest(points: readonly CutPoint[], flagged: number): number {
  let best = 0;
  let distance = Number.POSITIVE_INFINITY;
  points.forEach((point, k) => {
    const away = Math.abs(point.flagged - flagged);
    if (away < distance) [best, distance] = [k, away];
  });
  return best;
}

/** How far along the axis a number of flagged samples is; its root, so that the short lists have room. */
export const along = (flagged: number, most: number): number => Math.sqrt(flagged / most);

/** The number of flagged samples that far along the axis. */
export const flaggedAt = (share: number, most: number): number => Math.min(1, Math.max(0, share)) ** 2 * most;

/** The point that a key of a slider leads to; null where the key is no slider's. */
export function moved(key: string, at: number, last: number): number | null {
  const page = Math.max(1, Math.round(last / 10));
  const goals: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowDown: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at + 1,
    PageDown: at - page,
    PageUp: at + page,
    Home: 0,
    End: last,
  };
  const goal = goals[key];
  return goal === undefined ? null : Math.min(last, Math.max(0, goal));
}

/** Round numbers of flagged samples to write below the axis, far enough from each other to be read. */
export function ticks(most: number): number[] {
  const found = [0];
  let room = 0;
  for (let size = 1; size <= most; size *= 10)
    for (const value of [size, 2 * size, 5 * size])
      if (value <= most && along(value, most) - room > 0.08) {
        found.push(value);
        room = along(value, most);
      }
  return found;
}

/** Some points to show in a table: those nearest to the ticks, each once. */
export function some(points: readonly CutPoint[]): CutPoint[] {
  const most = points.at(-1)?.flagged ?? 0;
  const chosen = new Set(ticks(most).map((mark) => nearest(points, mark)));
  return points.filter((_, k) => chosen.has(k));
}
