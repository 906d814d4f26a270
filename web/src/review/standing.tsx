import { useQuery } from "@tanstack/react-query";
import { type ReviewState, reviewStateQuery } from "../api/queries";
import { count, countWithRange, shareWithRange } from "../ui/format";

const ADVICE: Readonly<Record<ReviewState["advice"], string>> = {
  "too-few": "",
  "go-on": "Going on is worth it.",
  stop: "You can stop here: looking on would find next to nothing.",
};

/** Where the review stands, in one sentence. */
export function sentence(state: ReviewState): string {
  const said = [];
  if (state.precision) said.push(`confirmed precision ${shareWithRange(state.precision)}`);
  said.push(`about ${countWithRange(state.errors_left)} errors left`);
  if (state.next > 0) said.push(`the next ${count(state.next)} contain ${countWithRange(state.errors_next)}`);
  const words = said.join(", ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

export function Standing({ auditId }: { auditId: string }) {
  const { data } = useQuery(reviewStateQuery(auditId));
  if (!data) return <p className="review-standing muted">…</p>;
  const judged = Object.values(data.decisions).reduce((sum, n) => sum + n, 0);
  return (
    <p className="review-standing" data-advice={data.advice}>
      <b>{count(judged)} judged.</b> {sentence(data)} <b>{ADVICE[data.advice]}</b>
      {data.disputed > 0 && <span className="badge warn">⚑ {count(data.disputed)} disputed</span>}
    </p>
  );
}
