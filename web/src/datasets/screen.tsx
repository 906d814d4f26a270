import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { type Dataset, datasetQuery } from "../api/queries";
import { count, duration, percent, size, when } from "../ui/format";
import { Button, Card, Fact, Failed, Loading, Notice, Progress } from "../ui/parts";
import { AuditsOf } from "./audits";
import { ClassBalance } from "./classes";
import { Findings } from "./findings";
import { LeftOutFiles } from "./left-out";
import { progressOf } from "./progress";
import { READING } from "./queries";
import { RemoveDataset } from "./remove";
import { DatasetStatus } from "./status";
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
        <h1 className="path-title">{dataset?.name ?? "Dataset"}</h1>
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
          {dataset.status === "ready" && <Ready dataset={dataset} />}
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

const SPLITS = ["train", "val", "test", ""];

/** What the card of findings tells already. */
const FOUND = new Set([
  "split-leak",
  "duplicate-conflict",
  "duplicate",
  "near-duplicate",
  "blank-image",
  "tiny-image",
  "odd-aspect",
  "low-information",
]);

function Ready({ dataset }: { dataset: Dataset }) {
  const { counts, splits, warnings } = dataset;
  const named = Object.entries(splits ?? {}).sort(([one], [other]) => SPLITS.indexOf(one) - SPLITS.indexOf(other));
  const told = (warnings ?? []).filter(({ code }) => code !== undefined && !FOUND.has(code));
  return (
    <>
      <Card title="What it is">
        <dl className="facts">
          <Fact label="Format" value={dataset.format ?? "–"} note={`laid out as ${dataset.layout ?? "unknown"}`} />
          <Fact label="Size" value={dataset.size === null ? "–" : size(dataset.size)} note={when(dataset.created_at)} />
          {counts && (
            <Fact
              label="Images"
              value={count(counts.accepted)}
              note={`${count(counts.seen)} seen = ${count(counts.accepted)} accepted + ${count(counts.rejected)} rejected + ${count(counts.ignored)} ignored`}
            />
          )}
          <Fact label="Classes" value={dataset.class_count === null ? "–" : count(dataset.class_count)} />
          <Fact
            label="Splits"
            value={named.every(([name]) => name === "") ? "none" : named.length}
            note={named
              .filter(([name]) => name !== "" || named.length > 1)
              .map(([name, images]) => `${name || "without a split"}: ${count(images)}`)
              .join(", ")}
          />
        </dl>
        {told.length > 0 && (
          <>
            <h3>Worth knowing</h3>
            <ul className="warnings">
              {told.map(({ code, detail }) => (
                <li key={`${code} ${detail}`}>{detail}</li>
              ))}
            </ul>
          </>
        )}
      </Card>
      <AuditsOf dataset={dataset} />
      <div className="columns">
        <Findings dataset={dataset} />
        {dataset.class_counts && <ClassBalance counts={dataset.class_counts} />}
      </div>
    </>
  );
}
