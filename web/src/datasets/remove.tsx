import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { Problem } from "../api/problem";
import type { Dataset } from "../api/queries";
import { plural } from "../ui/format";
import { Button, Dialog, Failed, Notice } from "../ui/parts";
import { uploads } from "./uploads";

const MOST = 1000;

/** Asks before a dataset is deleted, and says what goes with it. */
export function RemoveDataset({
  dataset,
  onClose,
  onDone,
}: {
  dataset: Dataset;
  onClose: () => void;
  onDone: () => void;
}) {
  const queries = useQueryClient();
  const audits = useQuery({
    queryKey: ["audit-count", dataset.id],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/audits", { params: { query: { dataset_id: dataset.id, limit: MOST } }, signal })),
  });
  const remove = useMutation({
    mutationFn: (force: boolean) =>
      api.DELETE("/v1/datasets/{dataset_id}", {
        params: { path: { dataset_id: dataset.id }, query: force ? { force } : {} },
      }),
    onSuccess: () => {
      uploads.forgetDataset(dataset.id);
      void queries.invalidateQueries({ queryKey: ["datasets"] });
      void queries.invalidateQueries({ queryKey: ["audits"] });
      onDone();
    },
  });
  const inUse = remove.error instanceof Problem && remove.error.code === "dataset-in-use";
  const count = audits.data?.data.length ?? 0;
  return (
    <Dialog title="Delete this dataset?" onClose={onClose}>
      <p>
        <strong className="path">{dataset.name}</strong>
      </p>
      <p>With it go, and cannot be brought back:</p>
      <ul className="goes">
        <li>{dataset.counts ? `its ${plural(dataset.counts.accepted, "image")}` : "what was uploaded"}</li>
        {audits.isPending && <li>its audits (counting …)</li>}
        {count > 0 && (
          <>
            <li>{`its ${count === MOST ? "at least " : ""}${plural(count, "audit")}, with scores and models`}</li>
            <li>every decision that reviewers made on it</li>
          </>
        )}
      </ul>
      {audits.data && count === 0 && <p className="muted">It has no audits.</p>}
      {inUse && (
        <Notice kind="warning">
          Work on it is going on. It would be stopped, and what it has done so far would be lost.
        </Notice>
      )}
      {remove.error && !inUse && <Failed error={remove.error} />}
      <div className="row">
        <Button kind="danger" disabled={remove.isPending} onClick={() => remove.mutate(inUse)}>
          {inUse ? "Stop the work and delete" : "Delete"}
        </Button>
        <Button onClick={onClose}>Keep it</Button>
      </div>
    </Dialog>
  );
}
