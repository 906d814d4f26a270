import type { Schemas } from "../api/client";
import type { Evidence } from "../api/queries";

export type Line = "margin" | "rival_gap" | "loss";
export const COHORTS = ["clean", "hard", "wrong"] as const;
export type CohortName = (typeof COHORTS)[number];
type Range = [number, number] | null;
export type Point = { epoch: number; value: number } & Partial<Record<CohortName, Range>>;

/** One sample's curve, and between which values the middle half of each cohort lies, epoch by epoch. */
export function points(
  curves: NonNullable<Evidence["curves"]>,
  cohorts: Schemas["Cohorts"] | undefined,
  line: Line,
): Point[] {
  const low = cohorts?.levels.indexOf(0.25) ?? -1;
  const high = cohorts?.levels.indexOf(0.75) ?? -1;
  return curves[line].map((value, k) => {
    const point: Point = { epoch: k + 1, value };
    if (cohorts && low >= 0 && high >= 0) {
      for (const name of COHORTS) {
        const levels = cohorts[name][line][k];
        const ends: Range = levels ? [levels[low] ?? Number.NaN, levels[high] ?? Number.NaN] : null;
        point[name] = ends;
      }
    }
    return point;
  });
}

/** The cohorts within whose middle half the sample ends. */
export function ends(drawn: Point[]): CohortName[] {
  const last = drawn.at(-1);
  if (!last) return [];
  return COHORTS.filter((name) => {
    const range = last[name];
    return range != null && last.value >= range[0] && last.value <= range[1];
  });
}
