import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { Problem } from "../api/problem";
import { auditQuery } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { count, percent } from "../ui/format";
import { Empty, Failed, Loading } from "../ui/parts";
import { Atlas } from "./atlas";
import { mapQuery } from "./queries";
import "./map.css";

const NO_MAP = "no-embeddings";

/** All samples in the plane: what the network sees as alike lies together. */
export default function MapScreen({ auditId }: { auditId: string }) {
  const audit = useQuery(auditQuery(auditId));
  const found = useQuery({ ...mapQuery(auditId), enabled: audit.data?.status === "succeeded" });
  const without = found.error instanceof Problem && found.error.code === NO_MAP;
  return (
    <div className="screen map-screen">
      <AuditHeader id={auditId} />
      {audit.error && <Failed error={audit.error} again={() => audit.refetch()} />}
      {audit.data && audit.data.status !== "succeeded" && (
        <Empty title="There is no map yet">
          <p>The audit is {audit.data.status}; its map is here when it has succeeded.</p>
        </Empty>
      )}
      {without && audit.data && (
        <Empty title="This audit has no map">
          <p>It was made before maps were kept.</p>
          <p>
            <Link href={`/datasets/${audit.data.dataset_id}/audit`}>Audit the dataset again</Link>
          </p>
        </Empty>
      )}
      {found.error && !without && <Failed error={found.error} again={() => found.refetch()} />}
      {(audit.isPending || found.isLoading) && <Loading what="the map" />}
      {found.data && audit.data && (
        <>
          <p className="muted">
            {count(found.data.map.points)} samples; what the network sees as alike lies together. Distances far apart
            mean little.
            {!found.data.map.likeness.exact &&
              ` ${percent(found.data.map.likeness.recall)} of the true neighbours were found.`}
          </p>
          <Atlas auditId={auditId} datasetId={audit.data.dataset_id} map={found.data.map} points={found.data.points} />
        </>
      )}
    </div>
  );
}
