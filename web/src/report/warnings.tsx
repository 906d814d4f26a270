import { Link } from "wouter";
import type { Audit, Dataset } from "../api/queries";
import { Card } from "../ui/parts";

/** What the plan decided and why, and what the dataset warns of. */
export function Warnings({ audit, dataset }: { audit: Audit; dataset: Dataset | undefined }) {
  const reasons = audit.plan?.reasons ?? [];
  const warnings = dataset?.warnings ?? [];
  if (reasons.length + warnings.length === 0) return null;
  return (
    <Card title="Good to know">
      {warnings.length > 0 && (
        <>
          <h3>
            The data
            {dataset && (
              <>
                {" · "}
                <Link href={`/datasets/${dataset.id}`}>see what was found in it</Link>
              </>
            )}
          </h3>
          <ul className="plain-list">
            {warnings.map((warning) => (
              <li key={JSON.stringify(warning)}>
                <span aria-hidden="true">⚠</span>{" "}
                <span className="wrapping">{warning["detail"] ?? warning["code"]}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {reasons.length > 0 && (
        <>
          <h3>How the audit was planned</h3>
          <ul className="plain-list">
            {reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
