import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ENDED } from "../api/queries";
import { count, duration, size, when } from "../ui/format";
import { Button, Card, Dialog, Failed, Loading, Progress } from "../ui/parts";
import { FORMATS } from "./formats";
import { cancel, type Export, exportsQuery, remove } from "./queries";

/** The exports of an audit, the newest first: how far they are, and their files. */
export function Earlier({ auditId }: { auditId: string }) {
  const { data, error, refetch } = useQuery(exportsQuery(auditId));
  return (
    <Card title="Exports">
      {error && <Failed error={error} again={() => refetch()} />}
      {!data && !error && <Loading what="exports" />}
      {data?.length === 0 && <p className="muted">Nothing was exported yet. Choose a format.</p>}
      {data && data.length > 0 && (
        <ul className="exports">
          {data.map((one) => (
            <li key={one.id}>
              <OneExport one={one} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function OneExport({ one }: { one: Export }) {
  const { name } = FORMATS[one.format];
  return (
    <>
      <div>
        <p>
          <strong>{name}</strong>{" "}
          {one.file && (
            <a href={`/v1/exports/${one.id}/file`} download={one.file.name}>
              Download {size(one.file.size)}
            </a>
          )}
        </p>
        <Standing one={one} />
        <p className="muted">
          {when(one.created_at)} · version {one.dataset_version} of the dataset ·{" "}
          {one.reviews === 0 ? "no decisions" : `decisions up to number ${count(one.reviews)}`}
          {one.splits && ` · ${one.splits.join(", ")}`}
          {one.change_held_out && " · held-out labels changed"}
        </p>
        {one.counts && <p className="muted">{made(one.counts)}</p>}
        {one.file && (
          <p className="path muted">
            {one.file.name} · SHA-256 {one.file.sha256}
          </p>
        )}
      </div>
      <Actions one={one} name={name} />
    </>
  );
}

const made = (counts: NonNullable<Export["counts"]>): string =>
  [
    `${count(counts.samples)} samples`,
    `${count(counts.relabelled)} relabelled`,
    `${count(counts.excluded)} left out`,
    ...(counts.held_out_untouched > 0 ? [`${count(counts.held_out_untouched)} held out and left alone`] : []),
  ].join(", ");

function Standing({ one }: { one: Export }) {
  if (one.status === "succeeded") return null;
  if (one.status === "failed") {
    const detail = one.problem?.["detail"];
    return <p role="alert">✕ {typeof detail === "string" ? detail : "It failed."}</p>;
  }
  if (one.status === "cancelled") return <p>⌀ cancelled</p>;
  const { percent = null, eta_s = null, waiting } = one.progress;
  return (
    <>
      <Progress share={one.status === "running" && percent !== null ? percent / 100 : null} label="Export" />
      <p role="status">
        {one.status === "queued" ? "waiting for a worker" : one.cancel_requested ? "ending" : "being written"}
        {waiting && ` · ${waiting}`}
        {eta_s !== null && eta_s > 1 && ` · ${duration(eta_s)} left`}
      </p>
    </>
  );
}

function Actions({ one, name }: { one: Export; name: string }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const again = { onSettled: () => queries.invalidateQueries({ queryKey: exportsQuery(one.audit_id).queryKey }) };
  const stop = useMutation({ mutationFn: () => cancel(one.id), ...again });
  const drop = useMutation({ mutationFn: () => remove(one.id), ...again });
  if (!ENDED.has(one.status))
    return one.cancel_requested ? null : (
      <Button small aria-label={`Cancel ${name}`} disabled={stop.isPending} onClick={() => stop.mutate()}>
        Cancel
      </Button>
    );
  return (
    <>
      <Button small kind="quiet" aria-label={`Remove ${name}`} onClick={() => setAsking(true)}>
        Remove
      </Button>
      {asking && (
        <Dialog title={`Remove ${name}`} onClose={() => setAsking(false)}>
          <p>The export and its file are removed. The audit and all decisions stay.</p>
          {drop.error && <Failed error={drop.error} />}
          <p className="row">
            <Button kind="danger" disabled={drop.isPending} onClick={() => drop.mutate()}>
              Remove
            </Button>
            <Button onClick={() => setAsking(false)}>Keep it</Button>
          </p>
        </Dialog>
      )}
    </>
  );
}
