import { useQuery } from "@tanstack/react-query";
import { auditQuery, datasetQuery, summaryQuery } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { Failed, Loading } from "../ui/parts";
import { Answer } from "./answer";
import { Classes } from "./classes";
import { Comparison } from "./comparison";
import { Conflicts } from "./conflicts";
import { Cut } from "./cut";
import { Measured } from "./measured";
import { MixUps } from "./mix-ups";
import { Standing } from "./standing";
import { Verdicts } from "./verdicts";
import { Warnings } from "./warnings";
import "./report.css";

/** What an audit found: how many labels are wrong, how sure that is, and where they are. */
export default function Report({ auditId }: { auditId: string }) {
  const summary = useQuery(summaryQuery(auditId));
  const audit = useQuery(auditQuery(auditId));
  const dataset = useQuery({ ...datasetQuery(audit.data?.dataset_id ?? ""), enabled: audit.data !== undefined });
  const found = summary.data;
  return (
    <div className="screen">
      <AuditHeader id={auditId} />
      {summary.isPending && <Loading what="the report" />}
      {summary.error && <Failed error={summary.error} again={() => summary.refetch()} />}
      {found && (
        <>
          <Answer auditId={auditId} datasetId={audit.data?.dataset_id} summary={found} />
          {!found.degenerate && <Standing auditId={auditId} />}
          {!found.degenerate && <Cut auditId={auditId} />}
          <div className="columns">
            <Verdicts auditId={auditId} summary={found} />
            <Measured summary={found} />
          </div>
          {!found.degenerate && <MixUps auditId={auditId} summary={found} />}
          <Classes auditId={auditId} classes={found.classes} />
          {found.conflicts.groups > 0 && <Conflicts auditId={auditId} counts={found.conflicts} />}
          {audit.data && <Comparison audit={audit.data} />}
          {audit.data && <Warnings audit={audit.data} dataset={dataset.data} />}
        </>
      )}
    </div>
  );
}
