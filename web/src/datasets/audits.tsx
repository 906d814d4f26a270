import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { Dataset } from "../api/queries";
import { auditsQuery } from "../audits/queries";
import { AuditTable } from "../audits/table";
import { Button, Card, Failed, Loading } from "../ui/parts";

/** The audits of a dataset, the newest first. */
export function AuditsOf({ dataset }: { dataset: Dataset }) {
  const audits = useInfiniteQuery(auditsQuery(dataset.id));
  const all = audits.data?.pages.flatMap(({ data }) => data) ?? [];
  return (
    <Card title="Audits">
      {audits.isPending && <Loading what="the audits" />}
      {audits.error && <Failed error={audits.error} again={() => void audits.refetch()} />}
      {audits.data && all.length === 0 && (
        <p>
          Nobody has audited it yet. <Link href={`/datasets/${dataset.id}/audit`}>See what an audit would do</Link>
        </p>
      )}
      {all.length > 0 && <AuditTable audits={all} />}
      {audits.hasNextPage && (
        <Button small disabled={audits.isFetchingNextPage} onClick={() => void audits.fetchNextPage()}>
          Show more
        </Button>
      )}
    </Card>
  );
}
