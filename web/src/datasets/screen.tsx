import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { type Dataset, datasetQuery, READING } from "../api/queries";
import { count, duration, percent, size } from "../ui/format";
import { Button, Card, Failed, Loading, Notice, Progress } from "../ui/parts";
import { AuditsOf } from "./audits";
import { ClassBalance } from "./classes";
import { versionOf } from "./family";
import { Findings } from "./findings";
import { LeftOutFiles } from "./left-out";
import { progressOf } from "./progress";
import { RemoveDataset } from "./remove";
import { DatasetStatus } from "./status";
import { Versions } from "./versions";
import { WhatItIs } from "./what-it-is";
import "./datasets.css";

/** One dataset: how it is read, and then what is in it. */
export default function DatasetScreen({ id }: { id: string }) {
  const query = useQuery(datasetQuery(id));
  const [removing, setRemoving] = useState(false);
  const [, go] = useLocation();
  const dataset = query.data;
  return (
    <div className="screen">
      <header>
        <h1>{dataset?.name ?? "Dataset"}</h1>
        {dataset && versionOf(dataset) && <span className="muted">{versionOf(dataset)}</span>}
        {dataset && <DatasetStatus status={dataset.status} />}
        {dataset && (
          <span className="row header-actions">
            {dataset.status === "ready" && (
              <Link href={`/datasets/${id}/audit`} className="button main">
                New audit
              </Link>
            )}
            <Button kind="danger" onClick={() => setRemoving(true)}>
              Delete
            </Button>
          </span>
        )}
      </header>
      {query.isPending && <Loading what="the dataset" />}
      {query.error && !dataset && <Failed error={query.error} again={() => void query.refetch()} />}
      {dataset && (
        <>
          {READING.has(dataset.status) && <BeingRead dataset={dataset} />}
          <Refused dataset={dataset} />
          {dataset.status === "ready" && <WhatItIs dataset={dataset} />}
          <Versions dataset={dataset} />
          {dataset.status === "ready" && <Inside dataset={dataset} />}
          <LeftOutFiles dataset={dataset} />
        </>
      )}
      {removing && dataset && (
        <RemoveDataset dataset={dataset} onClose={() => setRemoving(false)} onDone={() => go("/datasets")} />
      )}
    </div>
  );
}

function BeingRead({ dataset }: { dataset: Dataset }) {
  const { phase, share, etaS, perS, waiting } = progressOf(dataset);
  return (
    <Card title="Being read">
      <Progress share={share} label="Reading" />
      <p role="status">{phase}</p>
      <p className="muted">
        {[
          share === null ? null : percent(share, 0),
          perS === null ? null : `${count(perS)} images/s`,
          etaS === null ? null : `${duration(etaS)} left`,
          dataset.size === null ? null : size(dataset.size),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {waiting && <Notice kind="warning">It waits: {waiting}. It goes on by itself.</Notice>}
      <p className="muted">You may leave this page. Rejected files show up below as they are found.</p>
    </Card>
  );
}

function Refused({ dataset }: { dataset: Dataset }) {
  const { problem, status } = dataset;
  if (status !== "rejected" && status !== "failed") return null;
  const ours = status === "failed";
  return (
    <Notice kind="error">
      <p>
        <b>{ours ? "The service could not read it." : "It was refused, and nothing of it was kept."}</b>
      </p>
      <p>{String(problem?.["detail"] ?? "No reason was told.")}</p>
      <p className="muted">
        {ours
          ? "Upload it again; if it fails again, look into the service's log"
          : "Mend the archive and upload it again"}
        {typeof problem?.["request_id"] === "string" && ours && <code> {problem["request_id"]}</code>}.{" "}
        <Link href="/datasets">To the upload</Link>
      </p>
    </Notice>
  );
}

function Inside({ dataset }: { dataset: Dataset }) {
  return (
    <>
      <AuditsOf dataset={dataset} />
      <div className="columns">
        <Findings dataset={dataset} />
        {dataset.class_counts && <ClassBalance counts={dataset.class_counts} />}
      </div>
    </>
  );
}
