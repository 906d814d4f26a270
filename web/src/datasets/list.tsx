import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { type Dataset, READING } from "../api/queries";
import { ago } from "../ui/ago";
import { count, percent, plural, size, when } from "../ui/format";
import { Button, Card, Failed, Head, Loading } from "../ui/parts";

import { Drop } from "./drop";
import { versionOf } from "./family";
import { progressOf } from "./progress";
import { datasetsQuery } from "./queries";
import { RemoveDataset } from "./remove";
import { DatasetStatus } from "./status";
import { Transfers } from "./transfers";
import "./datasets.css";

/** All datasets, and where new ones come in. */
export default function Datasets() {
  const datasets = useInfiniteQuery(datasetsQuery);
  const [removing, setRemoving] = useState<string | null>(null);
  const all = datasets.data?.pages.flatMap(({ data }) => data) ?? [];
  const leaving = all.find(({ id }) => id === removing);
  return (
    <div className="screen">
      <header>
        <h1>Datasets</h1>
      </header>
      <Drop>{datasets.data && all.length === 0 && <Layout />}</Drop>
      <Transfers />
      {datasets.isPending && <Loading what="the datasets" />}
      {datasets.error && <Failed error={datasets.error} again={() => void datasets.refetch()} />}
      {all.length > 0 && (
        <Card>
          <div className="wide-table">
            <table>
              <caption className="unseen">Datasets, the newest first</caption>
              <Head
                columns={[
                  "Name",
                  "Status",
                  ["Images", "number"],
                  ["Classes", "number"],
                  ["Size", "number"],
                  "Age",
                  ["Actions", "unseen"],
                ]}
              />
              <tbody>
                {all.map((dataset) => (
                  <Row key={dataset.id} dataset={dataset} onRemove={() => setRemoving(dataset.id)} />
                ))}
              </tbody>
            </table>
          </div>
          {datasets.hasNextPage && (
            <Button onClick={() => void datasets.fetchNextPage()} disabled={datasets.isFetchingNextPage}>
              Show more
            </Button>
          )}
        </Card>
      )}
      {leaving && (
        <RemoveDataset dataset={leaving} onClose={() => setRemoving(null)} onDone={() => setRemoving(null)} />
      )}
    </div>
  );
}

function Layout() {
  return (
    <div className="layout-help">
      <h2>Begin with a folder for each class</h2>
      <pre>{"photos/train/cat/1.png\nphotos/train/dog/2.png\nphotos/test/cat/3.png"}</pre>
      <p>
        The folders train, val and test may be left out. Tables of labels, COCO, WebDataset, Parquet and arrays are read
        too.
      </p>
    </div>
  );
}

function Row({ dataset, onRemove }: { dataset: Dataset; onRemove: () => void }) {
  const { share } = progressOf(dataset);
  const rejected = dataset.counts?.rejected ?? 0;
  return (
    <tr>
      <td>
        <Link href={`/datasets/${dataset.id}`} className="name">
          {dataset.name}
        </Link>
        {versionOf(dataset) && <div className="muted small">{versionOf(dataset)}</div>}
      </td>
      <td>
        <DatasetStatus status={dataset.status} />
        {READING.has(dataset.status) && share !== null && <span className="muted"> {percent(share, 0)}</span>}
      </td>
      <td className="number">
        {dataset.counts ? count(dataset.counts.accepted) : "–"}
        {rejected > 0 && <div className="muted small">{plural(rejected, "file")} rejected</div>}
      </td>
      <td className="number">{dataset.class_count === null ? "–" : count(dataset.class_count)}</td>
      <td className="number">{dataset.size === null ? "–" : size(dataset.size)}</td>
      <td>
        <time dateTime={dataset.created_at} title={when(dataset.created_at)}>
          {ago(dataset.created_at)}
        </time>
      </td>
      <td className="number">
        <Button
          small
          kind="quiet"
          onClick={onRemove}
          aria-label={`Delete ${[dataset.name, versionOf(dataset)].filter(Boolean).join(", ")}`}
        >
          Delete
        </Button>
      </td>
    </tr>
  );
}
