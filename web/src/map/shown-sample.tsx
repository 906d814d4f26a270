import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { Suspect } from "../api/queries";
import { reviewAddress } from "../report/address";
import { ranksQuery } from "../review/queue";
import { count, probability } from "../ui/format";
import { Failed, VerdictBadge } from "../ui/parts";

/** The sample that is pointed at or chosen. */
export function ShownSample({ auditId, rank, image }: { auditId: string; rank: number | null; image: string | null }) {
  const { data, error } = useQuery(ranksQuery(auditId, null, rank === null ? "" : `${rank}`));
  const row = data?.[0];
  if (rank === null) return <p className="map-sample muted">Point at a sample to see it; choose it to keep it here.</p>;
  return (
    <div className="map-sample">
      {image && <img src={`${image}?size=256`} alt="" width="128" height="128" />}
      {error && <Failed error={error} />}
      {row ? <Told auditId={auditId} row={row} /> : <p className="muted">rank {count(rank)}</p>}
    </div>
  );
}

function Told({ auditId, row }: { auditId: string; row: Suspect }) {
  return (
    <div>
      <p className="wrapping">
        <strong>
          <bdi>{row.given_label}</bdi>
        </strong>
        {row.suggested_label !== null && (
          <>
            {" → "}
            <bdi>{row.suggested_label}</bdi>
          </>
        )}
      </p>
      <p>
        <VerdictBadge verdict={row.verdict} /> {probability(row.score)} wrong
      </p>
      <p className="muted">rank {count(row.rank)}</p>
      <p className="path">{row.path}</p>
      <Link href={reviewAddress(auditId, { sample: row.sample })}>Open in the review</Link>
    </div>
  );
}
