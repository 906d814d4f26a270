import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import type { Evidence, Judgement, Suspect } from "../api/queries";
import { probability } from "../ui/format";
import { Button, Failed, Loading, VerdictBadge } from "../ui/parts";
import { Classes } from "./classes";
import { Before, History } from "./history";
import { Neighbours } from "./neighbours";
import { Picture } from "./picture";
import { evidenceQuery } from "./queue";
import type { Actions } from "./use-deciding";
import type { Looks } from "./use-looks";

const Trajectory = lazy(() => import("./trajectory"));

const REASONS: Readonly<Record<Suspect["reasons"][number], string>> = {
  "rival-leads": "another class led while the network learned",
  "high-loss": "the label was hard to learn",
  "usual-mix-up": "these two classes are often mixed up here",
  "two-labels-fit": "two labels fit",
  "no-label-fits": "no class fits",
  "conflicting-duplicates": "the same image has another label elsewhere",
  "votes-differ": "the people who labelled it differ",
};

const NOTHING: Evidence["earlier"] = [];

/** All that is known of one sample, and what can be decided of it. */
export function Detail({
  auditId,
  sample,
  judgement,
  looks: { blind, only },
  classes,
  pinned,
  actions,
}: {
  auditId: string;
  sample: number;
  judgement: Judgement | null;
  looks: Looks;
  classes: readonly string[];
  pinned: boolean;
  actions: Actions;
}) {
  const { data: row, error, refetch } = useQuery(evidenceQuery(auditId, sample));
  if (!row) return error ? <Failed error={error} again={refetch} /> : <Loading what="this sample" />;
  return (
    <>
      {pinned && (
        <p className="muted">
          Opened from elsewhere; <kbd>Esc</kbd> goes back to the list.
        </p>
      )}
      <Picture src={row.image} label={row.given_label} onZoom={actions.zoom} />
      <div className="detail-head">
        <h2>
          {row.given_label}
          {!blind && row.suggested_label !== null && <> → {row.suggested_label}</>}
        </h2>
        {!blind && (
          <span className="row">
            <span title="Probability that the given label is wrong">{probability(row.score)} likely wrong</span>
            <VerdictBadge verdict={row.verdict} />
          </span>
        )}
        <span className="path muted">
          {row.path}
          {row.split && ` · ${row.split}`} · sample {row.sample}
          {!blind && ` · rank ${row.rank}`}
        </span>
      </div>
      <fieldset className="decide" aria-label="Decide">
        <Decide name="Keep" keyName="Q" pressed={judgement?.decision === "keep"} onClick={actions.keep} />
        {!blind && row.suggested_label !== null && (
          <Decide
            name={`Accept ${row.suggested_label}`}
            keyName="W"
            pressed={judgement?.decision === "relabel" && judgement.label === row.suggested_label}
            onClick={actions.accept}
          />
        )}
        <Decide name="Exclude" keyName="E" pressed={judgement?.decision === "exclude"} onClick={actions.exclude} />
        <Decide name="Unsure" keyName="N" pressed={judgement?.decision === "unsure"} onClick={actions.unsure} />
        <Decide name="Other label" keyName="/" pressed={false} onClick={actions.search} />
      </fieldset>
      {!blind && judgement?.disputed && (
        <p className="notice warning">Reviewers differ about this sample; the last word counts.</p>
      )}
      {!blind && <Before earlier={row.earlier} />}
      <Classes
        row={row}
        all={blind ? classes : null}
        chosen={judgement?.decision === "relabel" ? judgement.label : null}
        onChoose={actions.relabel}
      />
      {!blind && row.reasons.length > 0 && (
        <section>
          <h3>Why it is here</h3>
          <ul className="why">
            {row.reasons.map((reason) => (
              <li key={reason}>{REASONS[reason]}</li>
            ))}
          </ul>
        </section>
      )}
      {!blind && row.curves && (
        <Suspense fallback={<Loading what="the chart" />}>
          <Trajectory auditId={auditId} curves={row.curves} />
        </Suspense>
      )}
      {!blind && <Neighbours auditId={auditId} sample={sample} onShow={actions.show} />}
      <History
        reviews={row.reviews.filter(({ reviewer }) => only === null || reviewer === only)}
        earlier={blind ? NOTHING : row.earlier}
      />
    </>
  );
}

function Decide({
  name,
  keyName,
  pressed,
  onClick,
}: {
  name: string;
  keyName: string;
  pressed: boolean;
  onClick: () => void;
}) {
  return (
    <Button small aria-pressed={pressed} aria-keyshortcuts={keyName} onClick={onClick}>
      <span className="decide-name">{name}</span> <kbd>{keyName}</kbd>
    </Button>
  );
}
