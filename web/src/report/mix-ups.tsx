import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Summary } from "../api/queries";
import { Card, Failed, Loading } from "../ui/parts";
import { HeatMap } from "./heat-map";
import { PairList } from "./pair-list";
import { involved, type Measure, MOST_IN_A_TABLE, mixUps } from "./pairs";
import { flaggedPairsQuery } from "./queries";

/** Which labels stand where which others belong, as a way into the review. */
export function MixUps({ auditId, summary }: { auditId: string; summary: Summary }) {
  const [measure, setMeasure] = useState<Measure>("flagged");
  const { data: pairs, error, refetch } = useQuery(flaggedPairsQuery(auditId));
  const found = useMemo(() => pairs && mixUps(pairs, summary.transitions), [pairs, summary.transitions]);
  const classes = useMemo(
    () =>
      involved(
        found ?? [],
        summary.classes.map(({ label }) => label),
      ),
    [found, summary.classes],
  );
  return (
    <Card
      title="Given and suggested labels"
      extra={found && found.length > 0 && <Choice measure={measure} onChange={setMeasure} />}
    >
      {error && <Failed error={error} again={() => refetch()} />}
      {!found && !error && <Loading what="mix-ups" />}
      {found?.length === 0 && <p className="muted">No two classes are mixed up.</p>}
      {found && found.length > 0 && (
        <>
          <p className="muted">
            {measure === "flagged"
              ? "Flagged samples by the label they have and the label that is suggested. Choose a number to review them."
              : "How many labels should be wrong, by the label that is given and the class that is true."}
          </p>
          {classes.length <= MOST_IN_A_TABLE ? (
            <HeatMap auditId={auditId} classes={classes} found={found} measure={measure} />
          ) : (
            <PairList auditId={auditId} found={found} measure={measure} />
          )}
        </>
      )}
    </Card>
  );
}

function Choice({ measure, onChange }: { measure: Measure; onChange: (measure: Measure) => void }) {
  return (
    <label className="row">
      <span className="muted">Show</span>
      <select
        value={measure}
        onChange={(event) => onChange(event.target.value === "expected" ? "expected" : "flagged")}
      >
        <option value="flagged">flagged samples</option>
        <option value="expected">wrong labels expected</option>
      </select>
    </label>
  );
}
