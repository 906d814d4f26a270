import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { answer, api } from "../api/client";
import type { Audit } from "../api/queries";
import { duration } from "../ui/format";
import { newId } from "../ui/new-id";
import { Button, Card, Dialog, Failed, Notice } from "../ui/parts";

/** An audit that failed or was cancelled: what happened, and what to do. */
export function Ended({ audit }: { audit: Audit }) {
  const { problem, status, spent_s, attempt } = audit;
  const request = problem?.["request_id"];
  return (
    <>
      {status === "cancelled" ? (
        <Notice>
          <p>
            <b>This audit was cancelled.</b> It has no result.
          </p>
        </Notice>
      ) : (
        <Notice kind="error">
          <p>
            <b>This audit failed.</b> {String(problem?.["detail"] ?? "No reason was told.")}
          </p>
          <p className="muted">
            {problem?.["retryable"] === true
              ? "It may well succeed when it is started again."
              : "Started again without a change it will most likely fail again; choose differently, or look into the service's log."}
            {typeof request === "string" && (
              <>
                {" "}
                Request <code>{request}</code>
              </>
            )}
          </p>
        </Notice>
      )}
      <Card title="What now">
        <p className="muted">
          {spent_s > 0
            ? `It was at work for ${duration(spent_s)}, in ${attempt === 1 ? "one attempt" : `${attempt} attempts`}.`
            : "It was never at work."}
        </p>
        <Again audit={audit} />
      </Card>
    </>
  );
}

function Again({ audit }: { audit: Audit }) {
  const [key] = useState(newId);
  const [asking, setAsking] = useState(false);
  const [, go] = useLocation();
  const queries = useQueryClient();
  const left = (address: string) => {
    void queries.invalidateQueries({ queryKey: ["audits"] });
    go(address);
  };
  const rerun = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/v1/audits/{audit_id}/rerun", {
          params: { path: { audit_id: audit.id }, header: { "idempotency-key": key } },
        }),
      ),
    onSuccess: ({ id }) => left(`/audits/${id}`),
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/v1/audits/{audit_id}", { params: { path: { audit_id: audit.id } } }),
    onSuccess: () => left(`/datasets/${audit.dataset_id}`),
  });
  return (
    <>
      <div className="row">
        <Button kind="main" disabled={rerun.isPending} onClick={() => rerun.mutate()}>
          Start it again as it was
        </Button>
        <Link href={`/datasets/${audit.dataset_id}/audit`} className="button">
          Choose differently
        </Link>
        <Button kind="danger" onClick={() => setAsking(true)}>
          Delete
        </Button>
      </div>
      {rerun.error && <Failed error={rerun.error} />}
      {asking && (
        <Dialog title="Delete this audit?" onClose={() => setAsking(false)}>
          <p>Its plan and its events go. The dataset and what was said of it stay.</p>
          {remove.error && <Failed error={remove.error} />}
          <div className="row">
            <Button kind="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>
              Delete
            </Button>
            <Button onClick={() => setAsking(false)}>Keep it</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
