import { Link } from "wouter";
import type { Summary } from "../api/queries";
import { count, percent, plural } from "../ui/format";
import { Notice } from "../ui/parts";
import { reviewAddress } from "./address";

/** The answer before anything else: how many labels are wrong, and how sure that is. */
export function Answer({
  auditId,
  datasetId,
  summary,
}: {
  auditId: string;
  datasetId: string | undefined;
  summary: Summary;
}) {
  if (summary.degenerate)
    return <SaysNothing auditId={auditId} datasetId={datasetId} summary={summary} why={summary.degenerate} />;
  const { samples, noise_rate: rate, flagged } = summary;
  return (
    <section className="card answer" aria-labelledby="answer">
      <h2 id="answer">
        About {count(rate.estimate * samples)} of {plural(samples, "label")} {samples === 1 ? "is" : "are"} wrong
      </h2>
      <p className="answer-share">
        That is {percent(rate.estimate, 1)} of them. With {percent(rate.level)} probability it is between{" "}
        {percent(rate.low, 1)} and {percent(rate.high, 1)}, or {count(rate.low * samples)} and{" "}
        {count(rate.high * samples)} labels.
      </p>
      <Outlook summary={summary} />
      <p className="row">
        <Link className="button main" href={reviewAddress(auditId, flagged > 0 ? { is_issue: true } : {})}>
          {flagged > 0 ? `Review the ${count(flagged)} flagged` : "Look at the most suspicious"}
        </Link>
        {flagged > 0 && <Link href={reviewAddress(auditId)}>See all {count(samples)}, the most suspicious first</Link>}
      </p>
    </section>
  );
}

/** What to expect of the flags, and what decided how many there are. */
function Outlook({ summary }: { summary: Summary }) {
  const { flagged, cut } = summary;
  const { precision, recall } = summary.expected;
  if (flagged === 0) return <p>No label is suspicious enough to be flagged.</p>;
  return (
    <p>
      {plural(flagged, "label")} {flagged === 1 ? "is" : "are"} flagged
      {precision !== null && `: about ${count(precision * flagged)} of them (${percent(precision)}) should be wrong`}
      {recall !== null && `, which is ${percent(recall)} of all wrong labels`}.{" "}
      <span className="muted">
        {WHY[cut.chosen_by]} The lowest flagged score is {cut.score.toFixed(3)}.
      </span>
    </p>
  );
}

const WHY: Record<Summary["cut"]["chosen_by"], string> = {
  "expected-f1": "The cut is where precision and recall together should be best.",
  "target-precision": "The cut is as low as the asked precision allows.",
  "review-budget": "The cut is where the asked number of labels is reached.",
};

function SaysNothing({
  auditId,
  datasetId,
  summary,
  why,
}: {
  auditId: string;
  datasetId: string | undefined;
  summary: Summary;
  why: NonNullable<Summary["degenerate"]>;
}) {
  return (
    <section className="card answer" aria-labelledby="answer">
      <h2 id="answer">This run says nothing of the labels</h2>
      <Notice kind="warning">
        <p>{why.detail}</p>
        <p className="muted">
          Nothing is flagged, and the scores below are not to be trusted. <code>{why.code}</code>
        </p>
      </Notice>
      <p className="row">
        {datasetId && (
          <Link className="button main" href={`/datasets/${datasetId}/audit`}>
            Audit it again, in another way
          </Link>
        )}
        <Link href={reviewAddress(auditId)}>Look at all {plural(summary.samples, "sample")} all the same</Link>
      </p>
    </section>
  );
}
