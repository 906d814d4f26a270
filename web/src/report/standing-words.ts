import type { ReviewState } from "../api/queries";
import { count, countWithRange, plural, shareWithRange } from "../ui/format";

export type Stands = Pick<
  ReviewState,
  "decisions" | "precision" | "left" | "errors_left" | "next" | "errors_next" | "advice"
>;

export const decided = (state: Stands, decision: "keep" | "relabel" | "exclude" | "unsure"): number =>
  state.decisions[decision] ?? 0;

/** How many samples somebody said something of, and be it that they are unsure: the others are `left`. */
export const judged = ({ decisions }: Pick<Stands, "decisions">): number =>
  Object.values(decisions).reduce((sum, n) => sum + n, 0);

/** Where the review stands, in one sentence. */
export function sentence(state: Stands): string {
  const found = state.precision
    ? `Confirmed precision ${shareWithRange(state.precision)}`
    : "No flagged label is judged yet";
  if (state.left === 0) return `${found}; every sample is judged.`;
  const next = state.next === 1 ? "the next one contains" : `the next ${count(state.next)} contain`;
  return `${found}, about ${countWithRange(state.errors_left)} errors left, ${next} ${countWithRange(state.errors_next)}.`;
}

const ADVICE: Record<ReviewState["advice"], string> = {
  "too-few": "Judge at least 50 labels before you trust these numbers.",
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

/** Whether people decide as suggested more often when they see it; null where too few were judged in either way. */
export function swayed({ seen, blind }: Pick<ReviewState, "seen" | "blind">): string | null {
  if (!seen.share || !blind.share) return null;
  const apart = seen.share.low > blind.share.high;
  const shown = `${shareWithRange(seen.share)} of ${plural(seen.judged, "sample")}`;
  const hidden = `${shareWithRange(blind.share)} of ${count(blind.judged)}`;
  const so = apart ? "What is suggested sways" : "These numbers do not show that what is suggested sways";
  return `People decided as suggested on ${shown} while they saw what is suggested, and on ${hidden} while it was hidden. ${so} who judges.`;
}
