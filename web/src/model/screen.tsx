import { useQuery } from "@tanstack/react-query";
import { bytes } from "../api/client";
import { auditQuery, summaryQuery } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { Card, Empty, Failed, Loading } from "../ui/parts";
import { Files } from "./files";
import { filesOf } from "./files-of";
import { Learned } from "./learned";
import { fileAddress } from "./loading-code";
import { Markdown } from "./markdown-view";
import { RecordCard } from "./record";
import "./model.css";

/** The model that an audit trained: its files, how to load it, and what determined it. */
export default function Model({ auditId }: { auditId: string }) {
  const audit = useQuery(auditQuery(auditId));
  const done = audit.data?.status === "succeeded";
  const summary = useQuery({ ...summaryQuery(auditId), enabled: done });
  const card = useQuery({
    queryKey: ["model-card", auditId],
    queryFn: async ({ signal }) => new TextDecoder().decode(await bytes(fileAddress(auditId, "README.md"), signal)),
    enabled: done,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const files = filesOf(audit.data?.files ?? null);
  return (
    <div className="screen">
      <AuditHeader id={auditId} />
      {audit.isPending && <Loading what="the model" />}
      {audit.error && <Failed error={audit.error} again={() => audit.refetch()} />}
      {audit.data && audit.data.status !== "succeeded" && (
        <Empty title="There is no model yet">
          <p>The audit is {audit.data.status}; its model is here when it has succeeded.</p>
        </Empty>
      )}
      {audit.data?.status === "succeeded" && (
        <>
          <Learned audit={audit.data} summary={summary.data} />
          <Files auditId={auditId} files={files} />
          <Card title="The card">
            {card.error && <Failed error={card.error} again={() => card.refetch()} />}
            {card.isPending && <Loading what="the card" />}
            {card.data !== undefined && <Markdown text={card.data} />}
          </Card>
          <RecordCard audit={audit.data} />
        </>
      )}
    </div>
  );
}
