import { Link } from "wouter";
import { count, plural } from "../ui/format";
import { reviewAddress } from "./address";
import type { Measure, MixUp } from "./pairs";

/** A table of given against suggested labels, shaded by how many; every number leads to its samples. */
export function HeatMap({
  auditId,
  classes,
  found,
  measure,
}: {
  auditId: string;
  classes: readonly string[];
  found: readonly MixUp[];
  measure: Measure;
}) {
  const most = Math.max(1, ...found.map((pair) => pair[measure]));
  const long = classes.some((name) => name.length > 4);
  const at = new Map(found.map((pair) => [JSON.stringify([pair.given, pair.other]), pair]));
  return (
    <div className="wide-table">
      <table className={long ? "heat-map long" : "heat-map"}>
        <caption className="unseen">Rows are given labels, columns suggested ones</caption>
        <thead>
          <tr>
            <th scope="col">given ↓ suggested →</th>
            {classes.map((name) => (
              <th key={name} scope="col" title={name}>
                <bdi>{name}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((given) => (
            <tr key={given}>
              <th scope="row" title={given}>
                <bdi>{given}</bdi>
              </th>
              {classes.map((other) => {
                const pair = at.get(JSON.stringify([given, other]));
                if (given === other) return <td key={other} className="same" />;
                return <Cell key={other} auditId={auditId} pair={pair} measure={measure} most={most} />;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({
  auditId,
  pair,
  measure,
  most,
}: {
  auditId: string;
  pair: MixUp | undefined;
  measure: Measure;
  most: number;
}) {
  const n = pair?.[measure] ?? 0;
  if (!pair || n < 0.5) return <td />;
  const { given, other, flagged, expected } = pair;
  return (
    <td style={{ ["--heat" as string]: n / most }}>
      <Link
        href={reviewAddress(auditId, { given, suggested: other, ...(flagged > 0 ? { is_issue: true } : {}) })}
        aria-label={`Labelled ${given}, suggested ${other}: ${plural(flagged, "sample")} flagged, about ${count(expected)} expected`}
        title={`${given} → ${other}: ${count(flagged)} flagged, about ${count(expected)} expected`}
      >
        {count(n)}
      </Link>
    </td>
  );
}
