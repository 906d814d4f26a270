import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { auditQuery, datasetQuery } from "../api/queries";

const ROOMS = [
  ["", "Report"],
  ["/review", "Review"],
  ["/map", "Map"],
  ["/model", "Model"],
  ["/exports", "Export"],
] as const;

/** Which audit this is, and its rooms; those that need a result are there when it has one. */
export function AuditHeader({ id }: { id: string }) {
  const [place] = useLocation();
  const audit = useQuery(auditQuery(id));
  const dataset = useQuery({ ...datasetQuery(audit.data?.dataset_id ?? ""), enabled: audit.data !== undefined });
  const done = audit.data?.status === "succeeded";
  return (
    <div className="audit-header">
      <h1>
        {dataset.data ? (
          <Link href={`/datasets/${dataset.data.id}`} title={dataset.data.name}>
            {dataset.data.name}
          </Link>
        ) : (
          "Audit"
        )}
        <span className="muted"> · audit {id.slice(-6)}</span>
      </h1>
      {done && (
        <nav className="tabs" aria-label="Audit">
          {ROOMS.map(([end, name]) => (
            <Link
              key={end}
              href={`/audits/${id}${end}`}
              aria-current={place === `/audits/${id}${end}` ? "page" : undefined}
            >
              {name}
            </Link>
          ))}
        </nav>
      )}
    </div>
  );
}
