import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../api/client";
import { type Audit, auditQuery } from "../api/queries";
import { Button, Dialog, Failed } from "../ui/parts";

type Verb = "pause" | "resume" | "cancel";

/** Pause, resume and cancel, those that can be done, each with what it does. */
export function Controls({ audit }: { audit: Audit }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const act = useMutation({
    mutationFn: (verb: Verb) => {
      const params = { params: { path: { audit_id: audit.id } } };
      if (verb === "pause") return answer(api.POST("/v1/audits/{audit_id}/pause", params));
      if (verb === "resume") return answer(api.POST("/v1/audits/{audit_id}/resume", params));
      return answer(api.POST("/v1/audits/{audit_id}/cancel", params));
    },
    onSuccess: (after) => {
      queries.setQueryData(auditQuery(audit.id).queryKey, after);
      setAsking(false);
    },
  });
  const paused = audit.status === "paused";
  if (audit.cancel_requested) return <p role="status">It is being cancelled …</p>;
  return (
    <>
      <div className="row">
        {paused || audit.pause_requested ? (
          <Button kind={paused ? "main" : "plain"} disabled={act.isPending} onClick={() => act.mutate("resume")}>
            {paused ? "Resume" : "Do not pause"}
          </Button>
        ) : (
          <Button disabled={act.isPending} onClick={() => act.mutate("pause")}>
            Pause
          </Button>
        )}
        <Button kind="danger" onClick={() => setAsking(true)}>
          Cancel the audit
        </Button>
        <span className="muted">{effect(audit)}</span>
      </div>
      {act.error && <Failed error={act.error} />}
      {asking && (
        <Dialog title="Cancel this audit?" onClose={() => setAsking(false)}>
          <p>
            It ends within seconds, and what it has learned so far is lost. The dataset stays. To go on later, pause it
            instead.
          </p>
          {act.error && <Failed error={act.error} />}
          <div className="row">
            <Button kind="danger" disabled={act.isPending} onClick={() => act.mutate("cancel")}>
              Cancel the audit
            </Button>
            <Button onClick={() => setAsking(false)}>Let it go on</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function effect({ status, pause_requested }: Audit): string {
  if (status === "paused") return "It is saved. Resumed, it goes on where it was when a worker is free.";
  if (pause_requested) return "It saves its work, then pauses, within seconds.";
  return status === "queued"
    ? "Paused, it gives up its place until it is resumed."
    : "Paused, it saves its work within seconds and frees its worker.";
}
