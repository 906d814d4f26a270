import type { ReviewState } from "../api/queries";
import { count, countWithRange, plural, shareWithRange } from "../ui/format";

export type Stands = Pick<
  ReviewState,
  "decisions" | "precision" | "left" | "errors_left" | "next" | "errors_next" | "advice"
>;

export const decided = (state: Stands, decision: "keep" | "relabel" | "exclude" | "unsure"): number =>
  state.decisions[decision] ?? 0;

/** How many decisions say something of the labels: all but those marked unsure. */
export const judged = (state: Stands): number =>
  decided(state, "keep") + decided(state, "relabel") + decided(state, "exclude");

/** Where the review stands, in one sentence. */
export function sentence(state: Stands): string {
  const found = state.precision
    ? `Confirmed precision ${shareWithRange(state.precision)}`
    : "No flagged label is judged yet";
  if (state.left === 0) return `${found}; every sample is judged.`;
  const next = state.next === 1 ? "the next one contains" : `the next ${count(state.next)} contain`;
  return `${found}, about ${plural(Math.round(state.errors_left.estimate), "error")} left, ${next} ${countWithRange(state.errors_next)}.`;
}

const ADVICE: Record<ReviewState["advice"], string> = {
  "too-few": "Judge at least 50 labels before you trust these numbers: until then they are what the audit expects.",
  "go-on": "It pays to go on: the next samples in the list hold enough wrong labels.",
  stop: "You can stop: what comes next in the list is right, with few exceptions.",
};

export const advice = (state: Stands): string => ADVICE[state.advice];

/** What a look by chance showed of the labels without a flag; null before anybody looked. */
export function missed({ random }: Pick<ReviewState, "random">): string | null {
  if (random.judged === 0 || !random.share) return null;
  const looked = `Of ${plural(random.judged, "sample")} without a flag, looked at by chance,`;
  return `${looked} ${count(random.wrong)} ${random.wrong === 1 ? "was" : "were"} wrong: ${shareWithRange(random.share)}.`;
}
