import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type Audit, auditQuery, ENDED } from "../api/queries";
import { duration, percent, when } from "../ui/format";
import { Card, Fact, Notice, Progress } from "../ui/parts";
import { Controls } from "./controls";
import { Epochs } from "./epochs";
import { useStory } from "./listen";
import { Provisional } from "./provisional";
import { AuditStatus } from "./status";
import type { Story } from "./story";
import { useVisible } from "./visible";
import { asked } from "./words";

const PHASES: Record<Audit["progress"]["phase"], string> = {
  queued: "Waits for a worker",
  fetching: "Fetches the data",
  preparing: "Prepares the images",
  training: "Trains the network",
  scoring: "Works out how likely each label is wrong",
  storing: "Writes the result down",
};

/** An audit that is not over yet. */
export function Running({ audit }: { audit: Audit }) {
  const visible = useVisible();
  const story = useStory(audit.id, visible);
  const queries = useQueryClient();
  useEffect(() => {
    if (story.last > 0) void queries.invalidateQueries({ queryKey: auditQuery(audit.id).queryKey });
  }, [story.last, queries, audit.id]);
  const epoch = story.epochs.at(-1)?.epoch ?? 0;
  return (
    <>
      <Card title="Progress" extra={<AuditStatus audit={audit} />}>
        <Standing audit={audit} />
        {!ENDED.has(audit.status) && <Controls audit={audit} />}
      </Card>
      <Epochs epochs={story.epochs} planned={audit.plan?.epochs ?? audit.progress.epochs ?? null} />
      <Provisional id={audit.id} epoch={epoch} looking={visible && !ENDED.has(audit.status)} />
      <Asked audit={audit} story={story} />
    </>
  );
}

function Standing({ audit }: { audit: Audit }) {
  const { progress, queue, status, attempt, spent_s, cost } = audit;
  const share = (progress.percent ?? 0) / 100;
  return (
    <>
      <Progress share={share} label="Progress of the audit" />
      {status === "running" && progress.waiting && (
        <Notice kind="warning">
          It waits for room or for the store to answer (<code>{progress.waiting}</code>), and goes on by itself. Nothing
          is lost.
        </Notice>
      )}
      {queue && (
        <p role="status">
          <b>{queue.position === 1 ? "Next in the line" : `Place ${queue.position} in the line`}</b>
          {queue.starts_in_s !== null &&
            (queue.starts_in_s < 1 ? ", starts at once" : `, starts in about ${duration(queue.starts_in_s)}`)}
          . <span className="muted">{queue.why}</span>
        </p>
      )}
      <dl className="facts">
        <Fact
          label="Phase"
          value={status === "paused" ? "Paused" : status === "succeeded" ? "Done" : PHASES[progress.phase]}
        />
        <Fact
          label="Done"
          value={percent(share, 0)}
          note={progress.epoch && progress.epochs ? `epoch ${progress.epoch} of ${progress.epochs}` : undefined}
        />
        <Fact
          label="Left"
          value={typeof progress.eta_s === "number" && status === "running" ? duration(progress.eta_s) : "–"}
        />
        <Fact
          label="At work"
          value={spent_s > 0 ? duration(spent_s) : "–"}
          note={attempt > 1 ? `attempt ${attempt}` : undefined}
        />
        {cost !== null && <Fact label="Cost so far" value={cost.toFixed(2)} />}
      </dl>
    </>
  );
}

function Asked({ audit, story }: { audit: Audit; story: Story }) {
  return (
    <details className="more card">
      <summary>What was asked, and what happened</summary>
      <p>
        Asked: <span className="path">{asked(audit.spec)}</span>
      </p>
      {audit.plan && (
        <ul className="reasons">
          {audit.plan.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <ul className="reasons">
        {story.notes.map(({ id, at, text }) => (
          <li key={id}>
            <span className="muted">{when(at)}</span> {text}
          </li>
        ))}
      </ul>
    </details>
  );
}
