import { useQuery } from "@tanstack/react-query";
import { auditQuery, datasetQuery } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { Empty, Failed, Loading } from "../ui/parts";
import { Earlier } from "./earlier";
import { NewExport } from "./new-export";
import { planQuery } from "./queries";
import { choosable } from "./splits";
import { NewVersion } from "./version";
import "./exports.css";

/** What leaves an audit: files for others, and a dataset with the labels corrected. */
export default function Exports({ auditId }: { auditId: string }) {
  const audit = useQuery(auditQuery(auditId));
  const done = audit.data?.status === "succeeded";
  const dataset = useQuery({ ...datasetQuery(audit.data?.dataset_id ?? ""), enabled: done });
  const plan = useQuery({ ...planQuery(audit.data?.dataset_id ?? ""), enabled: done });
  const error = audit.error ?? dataset.error;
  return (
    <div className="screen">
      <AuditHeader id={auditId} />
      {error && <Failed error={error} again={() => (audit.error ? audit : dataset).refetch()} />}
      {audit.data && !done && (
        <Empty title="There is nothing to export yet">
          <p>The audit is {audit.data.status}; it can be exported when it has succeeded.</p>
        </Empty>
      )}
      {(audit.isPending || dataset.isLoading) && <Loading what="exports" />}
      {dataset.data && (
        <div className="columns">
          <NewExport
            auditId={auditId}
            splits={choosable(dataset.data.splits)}
            heldOut={plan.data?.counts.held_out_untouched ?? 0}
          />
          <div className="stacked">
            <Earlier auditId={auditId} />
            <NewVersion auditId={auditId} dataset={dataset.data} />
          </div>
        </div>
      )}
    </div>
  );
}
