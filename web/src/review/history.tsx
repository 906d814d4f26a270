import type { Review } from "../api/queries";
import { when } from "../ui/format";

/** Everything that was said of a sample, the last first. */
export function History({ reviews }: { reviews: Review[] }) {
  if (reviews.length === 0) return null;
  const takenBack = new Set(reviews.map((review) => review.undoes));
  return (
    <section>
      <h3>History of this label</h3>
      <ol className="history" reversed>
        {[...reviews].reverse().map((review) => (
          <li key={review.id} className={takenBack.has(review.id) ? "taken-back" : undefined}>
            <b>{review.reviewer}</b>{" "}
            {review.decision === null
              ? "took a decision back"
              : review.decision === "relabel"
                ? `relabel → ${review.label}`
                : review.decision}
            {takenBack.has(review.id) && " (taken back)"}{" "}
            <span className="muted">
              {when(review.at)}
              {review.source !== "list" && ` · ${review.source}`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
