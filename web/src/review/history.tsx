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
        <section className="earlier" key={one.dataset_id}>
          <h4>
            In <Link href={`/datasets/${one.dataset_id}`}>version {one.version}</Link>
          </h4>
          <Said reviews={one.reviews} />
        </section>
      ))}
    </section>
  );
}

/** What was last said of a sample in an earlier version, in one line: who knows it need not wonder anew. */
export function Before({ earlier }: { earlier: Evidence["earlier"] }) {
  for (const { version, reviews } of [...earlier].reverse()) {
    const takenBack = takenBackOf(reviews);
    const last = reviews.findLast(({ id, decision }) => decision !== null && !takenBack.has(id));
    if (last)
      return (
        <p className="muted">
          In version {version} <b>{last.reviewer}</b> said: {words(last)}.
        </p>
      );
  }
  return null;
}

const takenBackOf = (reviews: readonly Review[]): ReadonlySet<string | null> =>
  new Set(reviews.map(({ undoes }) => undoes));

const words = ({ decision, label }: Review): string =>
  decision === null ? "took a decision back" : decision === "relabel" ? `relabel → ${label}` : decision;

function Said({ reviews }: { reviews: readonly Review[] }) {
  const takenBack = takenBackOf(reviews);
  return (
    <ol className="history" reversed>
      {[...reviews].reverse().map((review) => (
        <li key={review.id} className={takenBack.has(review.id) ? "taken-back" : undefined}>
          <b>{review.reviewer}</b> {words(review)}
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
