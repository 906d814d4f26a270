import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { answer, api } from "../api/client";
import { OnceKeys } from "../api/once-keys";
import { Problem } from "../api/problem";
import { type Audit, type Dataset, datasetQuery } from "../api/queries";
import { Button, Failed, Loading, Notice } from "../ui/parts";
import { useSettled } from "../ui/settled";
import { Choices } from "./choices";
import { EMPTY, type Faults, type Form, faultsOf, type Request, requestOf } from "./form";
import { PlannedCard } from "./planned";
import type { Planned } from "./queries";
import "./audits.css";

const STILL_MS = 600;

/** Before an audit: what it would do, how long it would take, and the choices. */
export default function NewAudit({ datasetId }: { datasetId: string }) {
  const dataset = useQuery(datasetQuery(datasetId));
  return (
    <div className="screen">
      <header>
        <h1>
          New audit
          {dataset.data && (
            <>
              {" of "}
              <Link href={`/datasets/${datasetId}`}>{dataset.data.name}</Link>
            </>
          )}
        </h1>
      </header>
      {dataset.isPending && <Loading what="the dataset" />}
      {dataset.error && !dataset.data && <Failed error={dataset.error} again={() => void dataset.refetch()} />}
      {dataset.data && dataset.data.status !== "ready" && (
        <Notice kind="warning">
          This dataset cannot be audited yet. <Link href={`/datasets/${datasetId}`}>See how far it is</Link>
        </Notice>
      )}
      {dataset.data?.status === "ready" && <FormOf dataset={dataset.data} />}
    </div>
  );
}

function FormOf({ dataset }: { dataset: Dataset }) {
  const [form, setForm] = useState<Form>(EMPTY);
  const made = useMemo(() => requestOf(dataset.id, form), [dataset.id, form]);
  const request = "request" in made ? made.request : null;
  const settled = useSettled(request, STILL_MS);
  const plan = useQuery({
    queryKey: ["plan", settled],
    enabled: settled !== null,
    queryFn: ({ signal }) => planOf(settled, signal),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
    retry: false,
  });
  const start = useStart();
  const faults: Faults = "faults" in made ? made.faults : { ...faultsOf(start.error ?? plan.error) };
  const refused = settled === request && plan.error instanceof Problem && !plan.error.retryable;
  const unplanned = request !== null && plan.error !== null && !refused && !plan.isFetching;
  const set = <F extends keyof Form>(field: F, value: Form[F]) => {
    start.reset();
    setForm({ ...form, [field]: value });
  };
  return (
    <form
      className="new-audit"
      onSubmit={(event) => {
        event.preventDefault();
        if (request) start.mutate(request);
      }}
    >
      <Choices dataset={dataset} filled={{ form, faults, set }} />
      <div className="new-audit-plan">
        <PlannedCard query={plan} stale={settled !== request} />
        {unplanned && <Failed error={plan.error} again={() => void plan.refetch()} />}
        {faults.form && !unplanned && <Notice kind="error">{faults.form}</Notice>}
        {start.error && Object.keys(faults).length === 0 && <Failed error={start.error} />}
        <div className="row">
          <Button kind="main" type="submit" disabled={!request || refused || start.isPending}>
            {start.isPending ? "Starting …" : "Start"}
          </Button>
          <span className="muted">It runs on the service. You may close this page meanwhile.</span>
        </div>
      </div>
    </form>
  );
}

async function planOf(request: Request | null, signal: AbortSignal): Promise<Planned> {
  if (!request) throw new Problem("nothing-asked", "Mend the choices first.", 0, false);
  const told = await answer(api.POST("/v1/audits", { params: { query: { dry_run: true } }, body: request, signal }));
  if ("plan" in told && "estimate" in told) return told;
  throw new Problem("no-plan", "The service answered with something else than a plan.", 0, false);
}

/** Starts an audit, once for each form as it stands, however often the button is pressed or an answer lost. */
function useStart() {
  const queries = useQueryClient();
  const [, go] = useLocation();
  const [keys] = useState(() => new OnceKeys());
  return useMutation({
    retry: (failures, error) => error instanceof Problem && error.retryable && failures < 3,
    mutationFn: async (request: Request): Promise<Audit> => {
      const header = { "idempotency-key": keys.of(request) };
      const told = await answer(api.POST("/v1/audits", { params: { header }, body: request }));
      if ("id" in told) return told;
      throw new Problem("not-started", "The service answered with something else than an audit.", 0, false);
    },
    onSuccess: ({ id }) => {
      void queries.invalidateQueries({ queryKey: ["audits"] });
      go(`/audits/${id}`);
    },
  });
}
