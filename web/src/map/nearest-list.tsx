import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { reviewAddress } from "../report/address";
import { ranksQuery } from "../review/queue";
import { probability } from "../ui/format";
import { Failed, VerdictBadge } from "../ui/parts";

/** The samples nearest to the middle of what is seen: the map for those who read it or go by keyboard. */
export function NearestList({
  auditId,
  ranks,
  onPoint,
}: {
  auditId: string;
  ranks: readonly number[];
  onPoint: (rank: number | null) => void;
}) {
  const { data, error } = useQuery({
    ...ranksQuery(auditId, null, ranks.join(",")),
    placeholderData: keepPreviousData,
  });
  if (error && !data) return <Failed error={error} />;
  if (ranks.length === 0) return <p className="muted">Nothing is shown here.</p>;
  return (
    <ul className="map-nearest">
      {data?.map((row) => (
        <li key={row.sample}>
          <Link
            href={reviewAddress(auditId, { sample: row.sample })}
            onFocus={() => onPoint(row.rank)}
            onBlur={() => onPoint(null)}
            onMouseEnter={() => onPoint(row.rank)}
            onMouseLeave={() => onPoint(null)}
          >
            <img src={`${row.image}?size=64`} alt="" width="32" height="32" loading="lazy" />
            <span className="wrapping">
              <bdi>{row.given_label}</bdi>
              {row.suggested_label !== null && row.verdict !== "clean" && (
                <>
                  {" → "}
                  <bdi>{row.suggested_label}</bdi>
                </>
              )}
            </span>
          </Link>
          <span className="muted">
            <VerdictBadge verdict={row.verdict} /> {probability(row.score)}
          </span>
        </li>
      ))}
    </ul>
  );
}
