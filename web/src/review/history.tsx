import { Link } from "wouter";
import type { Evidence, Review } from "../api/queries";
import { when } from "../ui/format";

/** Everything that was said of a sample, the last first: in this version of its dataset, then in those before. */
export function History({ reviews, earlier }: { reviews: readonly Review[]; earlier: Evidence["earlier"] }) {
  if (reviews.length + earlier.length === 0) return null;
  return (
    <section>
      <h3>History of this label</h3>
      {reviews.length > 0 && <Said reviews={reviews} />}
      {[...earlier].reverse().map((one) => (
        <section key={one.dataset_id}>
          <h4>
            In <Link href={`/datasets/${one.dataset_id}`}>version {one.version}</Link>
          </h4>
          <Said reviews={one.reviews} />
        </section>
      ))}
    </section>
  );
}

function Said({ reviews }: { reviews: readonly Review[] }) {
  const takenBack = new Set(reviews.map((review) => review.undoes));
  return (
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
  );
}
