import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { answer, api, type Schemas } from "../api/client";
import { count, countWithRange, plural } from "../ui/format";
import { newId } from "../ui/new-id";
import { Button, Dialog, Failed, Loading, Notice } from "../ui/parts";
import { type Bulk, useBulk } from "./bulk-request";
import { bodyOf, type Place } from "./place";

type Action = Bulk["action"];
const ACTIONS: Readonly<Record<Action, string>> = {
  accept: "accept the suggested labels",
  keep: "keep the labels",
  exclude: "exclude the samples",
};
const ALL = 2 ** 31 - 1;

/** One decision on the first samples of the list that nobody has judged: how many, how many of them in vain, and then. */
export function BulkDialog({
  auditId,
  reviewer,
  place,
  onDone,
  onClose,
}: {
  auditId: string;
  reviewer: string;
  place: Place;
  onDone: (id: string, count: number) => void;
  onClose: () => void;
}) {
  const [action, setAction] = useState<Action>("accept");
  const [top, setTop] = useState("100");
  const [typed, setTyped] = useState("");
  const [id] = useState(newId);
  const hint = useId();
  const most = top === "" ? ALL : Math.max(1, Math.min(ALL, Math.round(Number(top)) || 1));
  const { order, asOf } = place;
  const choices = bodyOf(place.choices) as Schemas["Choices"];
  const body = { id, action, top: most, choices, order, as_of: asOf, reviewer };
  const look = useQuery({
    queryKey: ["bulk", auditId, action, most, choices, order, asOf],
    queryFn: ({ signal }) =>
      answer(
        api.POST("/v1/audits/{audit_id}/reviews/bulk", {
          params: { path: { audit_id: auditId }, query: { dry_run: true } },
          body,
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
  const samples = look.data?.count;
  const { open, ask, asking, error } = useBulk(auditId, onDone, look.refetch);
  const ready = samples !== undefined && samples > 0 && typed === String(samples) && !look.isPlaceholderData;
  if (open)
    return (
      <Dialog title="Decide many at once" onClose={onClose}>
        <Unanswered bulk={open} asking={asking} error={error} onAsk={() => ask(open)} />
      </Dialog>
    );
  return (
    <Dialog title="Decide many at once" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) ask({ ...body, count: samples });
        }}
      >
        <p>Of the samples in this list that nobody has judged yet, for the first</p>
        <div className="row">
          <input
            className="short"
            inputMode="numeric"
            aria-label="How many samples; empty means all"
            placeholder="all"
            value={top}
            onChange={(event) => setTop(event.target.value.replace(/\D/g, ""))}
          />
          <select
            aria-label="What to decide"
            value={action}
            onChange={(event) => setAction(event.target.value as Action)}
          >
            {Object.entries(ACTIONS).map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </div>
        {look.error && <Failed error={look.error} again={look.refetch} />}
        {look.data && samples === 0 && <Notice>No sample of this list is left to be judged so.</Notice>}
        {look.data && samples !== undefined && samples > 0 && (
          <>
            <Notice kind="warning">
              This decides {plural(samples, "sample")} without anybody looking.{" "}
              <b>{countWithRange(look.data.expected_wrong)}</b> of these decisions are expected to be wrong.
            </Notice>
            <label className="field">
              <span id={hint}>Type {samples} to do it</span>
              <input
                inputMode="numeric"
                autoComplete="off"
                value={typed}
                onChange={(event) => setTyped(event.target.value.trim())}
              />
            </label>
          </>
        )}
        {error && <Failed error={error} />}
        <div className="row">
          <Button kind="main" type="submit" disabled={!ready || asking}>
            {samples === undefined ? "Decide" : `Decide ${count(samples)}`}
          </Button>
          <span className="muted">It can be undone with U.</span>
        </div>
      </form>
    </Dialog>
  );
}

/** Until it is known whether one was done, no other can be asked for. */
function Unanswered({
  bulk,
  asking,
  error,
  onAsk,
}: {
  bulk: Bulk;
  asking: boolean;
  error: Error | null;
  onAsk: () => void;
}) {
  if (asking) return <Loading what={`the answer: ${ACTIONS[bulk.action]} of ${plural(bulk.count, "sample")}`} />;
  return (
    <>
      {error && <Failed error={error} />}
      <Notice kind="warning">
        You asked to {ACTIONS[bulk.action]}, for {plural(bulk.count, "sample")}. It is not known whether that was done.
        Ask again to know: what was done is not done twice.
      </Notice>
      <Button kind="main" onClick={onAsk}>
        Ask again
      </Button>
    </>
  );
}
