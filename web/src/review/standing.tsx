import { useQuery } from "@tanstack/react-query";
import { reviewStateQuery } from "../api/queries";
import { advice, judged, sentence } from "../report/standing-words";
import { count } from "../ui/format";

/** Where the review stands, in a line. How often labels were wrong so far would lead who judges blind. */
export function Standing({ auditId, blind }: { auditId: string; blind: boolean }) {
  const { data } = useQuery(reviewStateQuery(auditId));
  if (!data) return <p className="review-standing muted">…</p>;
  return (
    <p className="review-standing" data-advice={data.advice}>
      <b>{count(judged(data))} judged.</b>{" "}
      {!blind && (
        <>
          {sentence(data)} <b>{advice(data)}</b>
          {data.disputed > 0 && <span className="badge warn">⚑ {count(data.disputed)} disputed</span>}
        </>
      )}
    </p>
  );
}
