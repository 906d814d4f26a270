import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";
import { datasetsQuery } from "../datasets/queries";
import { Button, Card, Empty, Failed, Loading } from "../ui/parts";
import { auditsQuery } from "./queries";
import { AuditTable } from "./table";
import "./audits.css";

/** All audits, the newest first; the address says of which dataset. */
export default function Audits() {
  const [search, setSearch] = useSearchParams();
  const dataset = search.get("dataset");
  const audits = useInfiniteQuery(auditsQuery(dataset));
  const datasets = useInfiniteQuery(datasetsQuery);
  const names = datasets.data?.pages.flatMap(({ data }) => data) ?? [];
  const all = audits.data?.pages.flatMap(({ data }) => data) ?? [];
  return (
    <div className="screen">
      <header>
        <h1>Audits</h1>
        {(names.length > 1 || dataset) && (
          <label className="inline">
            <span className="muted">Dataset</span>{" "}
            <select
              value={dataset ?? ""}
              onChange={(event) =>
                setSearch(event.target.value ? { dataset: event.target.value } : {}, { replace: true })
              }
            >
              <option value="">all</option>
              {dataset && !names.some(({ id }) => id === dataset) && (
                <option value={dataset}>{dataset.slice(-6)}</option>
              )}
              {names.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name.length > 60 ? `${name.slice(0, 60)}…` : name} ({id.slice(-6)})
                </option>
              ))}
            </select>
          </label>
        )}
      </header>
      {audits.isPending && <Loading what="the audits" />}
      {audits.error && <Failed error={audits.error} again={() => void audits.refetch()} />}
      {audits.data && all.length === 0 && (
        <Empty title="No audits yet">
          <p>An audit trains a network once, and tells which labels are likely wrong and how sure that is.</p>
          <Link href="/datasets" className="button main">
            Choose a dataset
          </Link>
        </Empty>
      )}
      {all.length > 0 && (
        <Card>
          <AuditTable audits={all} named />
          {audits.hasNextPage && (
            <Button disabled={audits.isFetchingNextPage} onClick={() => void audits.fetchNextPage()}>
              Show more
            </Button>
          )}
        </Card>
      )}
    </div>
  );
}
