import type { UseQueryResult } from "@tanstack/react-query";
import { duration, plural } from "../ui/format";
import { Button, Card, Fact, Loading, Notice } from "../ui/parts";
import type { Planned } from "./queries";

/** What the audit would do, and how long that would take. */
export function PlannedCard({ query, stale }: { query: UseQueryResult<Planned>; stale: boolean }) {
  const { data, isFetching } = query;
  return (
    <Card title="What it would do">
      {isFetching && (
        <Notice>
          The plan is being made. Where the pace is not known yet a worker measures it, which may take up to 20 seconds.
        </Notice>
      )}
      {!data && isFetching && <Loading what="the plan" />}
      {!data && !isFetching && !query.error && <p className="muted">Mend the choices to see the plan.</p>}
      {!data && query.error && !isFetching && <p className="muted">There is no plan for these choices.</p>}
      {data && (
        <div className="planned" data-stale={stale || isFetching}>
          <Takes planned={data} again={() => void query.refetch()} busy={isFetching} />
          <dl className="facts">
            <Fact label="Network" value={data.plan.network} note={`at ${data.plan.resolution} pixels`} />
            <Fact label="Length" value={plural(data.plan.epochs, "epoch")} />
            <Fact label="Starts from" value={data.plan.weights === "none" ? "nothing" : data.plan.weights} />
            <Fact label="Splits" value={covered(data.plan.splits)} />
          </dl>
          <h3>Why</h3>
          <ul className="reasons">
            {data.plan.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}

const covered = (splits: readonly string[]): string =>
  splits.map((split) => split || (splits.length > 1 ? "without a split" : "all images")).join(", ");

function Takes({ planned, again, busy }: { planned: Planned; again: () => void; busy: boolean }) {
  const { duration_s, low_s, high_s, basis, why } = planned.estimate;
  return (
    <div className="takes" role="status">
      <p className="takes-long">{takes(planned.estimate)}</p>
      <p className="muted">
        {low_s !== null && high_s !== null && `Between ${duration(low_s)} and ${duration(high_s)}`}
        {basis && `, ${basis === "earlier audits" ? "from earlier audits" : basis}`}
        {low_s !== null && ". "}
        {why}
      </p>
      {duration_s === null && (
        <Button small onClick={again} disabled={busy}>
          Measure again
        </Button>
      )}
    </div>
  );
}

/** The estimate in a few words. */
export function takes({ duration_s, low_s, high_s }: Planned["estimate"]): string {
  if (duration_s !== null) return `About ${duration(duration_s)}`;
  if (low_s !== null && high_s !== null) return `${duration(low_s)} to ${duration(high_s)}, guessed`;
  return "How long it takes is not known yet";
}
