import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { count, plural, shareWithRange } from "../ui/format";
import { Button, Card, Fact, Failed, Loading } from "../ui/parts";
import { reviewAddress } from "./address";
import { CutChart } from "./cut-chart";
import { type Cuts, nearest, some } from "./cut-points";
import { cutsQuery } from "./queries";

/** How many to flag: what a longer or a shorter list would hold, with a cut to move. */
export function Cut({ auditId }: { auditId: string }) {
  const { data, error, refetch } = useQuery(cutsQuery(auditId));
  return (
    <Card title="How far down the list">
      {error && <Failed error={error} again={() => refetch()} />}
      {!data && !error && <Loading what="expected precision and recall" />}
      {data && data.points.length > 0 && <Movable auditId={auditId} cuts={data} />}
    </Card>
  );
}

function Movable({ auditId, cuts }: { auditId: string; cuts: Cuts }) {
  const { points, current } = cuts;
  const own = nearest(points, current.flagged);
  const [at, setAt] = useState(own);
  const point = points[Math.min(at, points.length - 1)];
  if (!point) return null;
  return (
    <>
      <p className="muted">
        Move the cut to see what the first samples of the list should hold. What was judged counts as it was judged.
      </p>
      <CutChart cuts={cuts} at={at} onMove={setAt} />
      <dl className="facts">
        <Fact
          label="Samples above the cut"
          value={count(point.flagged)}
          note={`score ${scoreText(point.score)} and more`}
        />
        <Fact label="Expected precision" value={shareWithRange(point.precision)} note="of them are wrong" />
        <Fact
          label="Expected recall"
          value={point.recall ? shareWithRange(point.recall) : "unknown"}
          note={point.recall ? "of all wrong labels are among them" : "no label is expected to be wrong"}
        />
        <Fact label="Difficult but right" value={count(point.hard)} note="would be dropped with them" />
      </dl>
      <p className="row">
        <Link className="button" href={reviewAddress(auditId, { score_from: point.score })}>
          Review these {plural(point.flagged, "sample")}
        </Link>
        {at !== own && current.flagged > 0 && (
          <Button kind="quiet" onClick={() => setAt(own)}>
            Back to the {count(current.flagged)} that are flagged
          </Button>
        )}
      </p>
      <AsTable cuts={cuts} />
    </>
  );
}

function AsTable({ cuts }: { cuts: Cuts }) {
  return (
    <details>
      <summary>The curve as a table</summary>
      <div className="wide-table">
        <table className="cuts">
          <thead>
            <tr>
              <th scope="col">Samples</th>
              <th scope="col">Lowest score</th>
              <th scope="col">Precision</th>
              <th scope="col">Recall</th>
              <th scope="col">Difficult but right</th>
            </tr>
          </thead>
          <tbody>
            {some(cuts.points).map((point) => (
              <tr key={point.flagged}>
                <th scope="row">{count(point.flagged)}</th>
                <td>{scoreText(point.score)}</td>
                <td>{shareWithRange(point.precision)}</td>
                <td>{point.recall ? shareWithRange(point.recall) : "unknown"}</td>
                <td>{count(point.hard)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const scoreText = (score: number) => (score < 0.001 ? score.toExponential(1) : score.toFixed(3));
