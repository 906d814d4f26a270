import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { type Audit, datasetQuery } from "../api/queries";
import { versionOf } from "../datasets/family";
import { ago } from "../ui/ago";
import { duration, percent, shareWithRange, when } from "../ui/format";
import { Head, Progress } from "../ui/parts";
import { AuditStatus } from "./status";
import { asked } from "./words";
import "./audits.css";

/** Audits in a table; with the names of their datasets where they are of several. */
export function AuditTable({ audits, named }: { audits: readonly Audit[]; named?: boolean }) {
  return (
    <div className="wide-table">
      <table>
        <caption className="unseen">Audits, the newest first</caption>
        <Head columns={["Audit", named && "Dataset", "Status", "Progress", "Wrong labels, estimated", "Age"]} />
        <tbody>
          {audits.map((audit) => (
            <tr key={audit.id}>
              <td className="audit-named">
                <Link href={`/audits/${audit.id}`} className="name">
                  {audit.id.slice(-6)}
                </Link>
                <div className="muted small wraps">{asked(audit.spec)}</div>
              </td>
              {named && (
                <td>
                  <DatasetName id={audit.dataset_id} />
                </td>
              )}
              <td>
                <AuditStatus audit={audit} />
              </td>
              <td className="audit-progress">
                <HowFar audit={audit} />
              </td>
              <td>
                <Noise audit={audit} />
              </td>
              <td>
                <time dateTime={audit.created_at} title={when(audit.created_at)}>
                  {ago(audit.created_at)}
                </time>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DatasetName({ id }: { id: string }) {
  const dataset = useQuery({ ...datasetQuery(id), staleTime: 60_000 });
  return (
    <>
      <Link href={`/datasets/${id}`} className="name">
        {dataset.data?.name ?? id.slice(-6)}
      </Link>
      {dataset.data && versionOf(dataset.data) && <div className="muted small">{versionOf(dataset.data)}</div>}
    </>
  );
}

function HowFar({ audit }: { audit: Audit }) {
  const { percent: done, eta_s } = audit.progress;
  if (audit.status === "succeeded") return <span className="muted">took {duration(audit.spent_s)}</span>;
  if (audit.status === "failed" || audit.status === "cancelled") return "–";
  const share = (done ?? 0) / 100;
  return (
    <>
      <Progress share={share} label={`Progress of ${audit.id.slice(-6)}`} />
      <div className="muted small">
        {percent(share, 0)}
        {typeof eta_s === "number" && ` · ${duration(eta_s)} left`}
      </div>
    </>
  );
}

function Noise({ audit: { status, noise_rate } }: { audit: Audit }) {
  if (noise_rate) return shareWithRange(noise_rate);
  return status === "succeeded" ? <span className="badge warn">⚠ says nothing</span> : "–";
}
