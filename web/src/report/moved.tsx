import { Link } from "wouter";
import type { Audit } from "../api/queries";
import { count, probability } from "../ui/format";
import { reviewAddress } from "./address";
import { Thumbnail } from "./thumbnail";

const MOST = 12;

interface Differs {
  sample: number;
  path: string;
  given_label: string;
  ranks: readonly number[];
  scores: readonly number[];
}

/** The samples whose scores differ most between two audits. */
export function Moved({ audit, moved }: { audit: Audit; moved: readonly Differs[] }) {
  if (moved.length === 0) return <p className="muted">No score differs.</p>;
  return (
    <>
      <h3>Scores that differ most</h3>
      <ul className="moved">
        {moved
          .slice(0, MOST)
          .map(({ sample, path, given_label, scores: [was = 0, is = 0], ranks: [from = 0, to = 0] }) => (
            <li key={sample}>
              <Thumbnail src={`/v1/datasets/${audit.dataset_id}/samples/${sample}/image`} />
              <span>
                <Link className="wrapping" href={reviewAddress(audit.id, { sample })} title={path}>
                  <bdi>{given_label}</bdi>
                </Link>
                <br />
                <span aria-hidden="true">{is > was ? "▲" : "▼"}</span> {probability(was)} → {probability(is)} wrong
                <br />
                <span className="muted">
                  rank {count(from)} → {count(to)}
                </span>
              </span>
            </li>
          ))}
      </ul>
    </>
  );
}
