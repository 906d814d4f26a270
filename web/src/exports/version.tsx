import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { OnceKeys } from "../api/once-keys";
import { Problem } from "../api/problem";
import { type Dataset, datasetQuery, versionsQuery } from "../api/queries";
import { Family } from "../datasets/versions";
import { reviewAddress } from "../report/address";
import { plural } from "../ui/format";
import { Button, Card, Fact, Failed, Loading, Notice } from "../ui/parts";
import { type Agreed, countOf, HeldOut } from "./held-out";
import { makeVersion, planQuery, type Revised } from "./queries";

/** A new dataset with the labels as people decided, to be audited again. */
export function NewVersion({ auditId, dataset }: { auditId: string; dataset: Dataset }) {
  const plan = useQuery(planQuery(dataset.id));
  const [name, setName] = useState(dataset.name);
  const [agreed, setAgreed] = useState<Agreed>(null);
  const queries = useQueryClient();
  const [keys] = useState(() => new OnceKeys());
  const make = useMutation({
    mutationFn: () => {
      const wish = { name: name.trim() || dataset.name, change_held_out: countOf(agreed), audit_id: auditId };
      return makeVersion(dataset.id, wish, keys.of(wish));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: versionsQuery(dataset.id).queryKey }),
  });
  const counts = plan.data?.counts;
  const heldOut = make.error instanceof Problem ? make.error.body["count"] : counts?.held_out_untouched;
  const changes = counts ? counts.relabelled + counts.excluded + (countOf(agreed) ?? 0) : 0;
  return (
    <Card title="A new version of the dataset">
      <p className="muted">
        A dataset with the labels as they are decided now. This one stays as it is, and they share their images.
      </p>
      {plan.error && <Failed error={plan.error} again={() => plan.refetch()} />}
      {plan.isPending && <Loading what="what would change" />}
      {counts && <Counts counts={counts} />}
      {typeof heldOut === "number" && !make.data && <HeldOut key={heldOut} there={heldOut} onAgree={setAgreed} />}
      {dataset.version > 1 && <Loop version={dataset.version} />}
      {make.error && <Failed error={make.error} />}
      {make.data && <Made id={make.data.id} />}
      {counts && changes === 0 && (
        <p>
          No decision changes a label yet.{" "}
          <Link href={reviewAddress(auditId, { is_issue: true })}>Review the flagged</Link>
        </p>
      )}
      {plan.data && changes > 0 && !make.data && (
        <div className="row">
          <label className="row">
            <span className="muted">Name</span>
            <input value={name} maxLength={255} onChange={(event) => setName(event.target.value)} />
          </label>
          <Button kind="main" disabled={make.isPending || agreed === "open"} onClick={() => make.mutate()}>
            Make version {plan.data.version}
          </Button>
        </div>
      )}
      <Earlier id={dataset.id} />
    </Card>
  );
}

function Earlier({ id }: { id: string }) {
  const { data: family } = useQuery(versionsQuery(id));
  if (!family || family.length < 2) return null;
  return (
    <>
      <h3>Versions</h3>
      <Family family={family} shown={id} />
    </>
  );
}

function Counts({ counts }: { counts: Revised }) {
  return (
    <dl className="facts">
      <Fact label="Relabelled" value={plural(counts.relabelled, "sample")} />
      <Fact label="Left out" value={plural(counts.excluded, "sample")} />
      <Fact label="Unsure, kept" value={plural(counts.unsure_kept, "sample")} />
      <Fact label="In the new version" value={plural(counts.samples, "sample")} />
    </dl>
  );
}

function Loop({ version }: { version: number }) {
  return (
    <Notice kind="warning">
      <p>
        This is version {version} already. Labels that are corrected again and again by what a model finds drift to what
        models believe: judge the result on held-out samples that were never corrected.
      </p>
    </Notice>
  );
}

function Made({ id }: { id: string }) {
  const { data } = useQuery(datasetQuery(id));
  if (data?.status === "ready")
    return (
      <Notice kind="good">
        <p>
          ✓ Version {data.version} is ready. <Link href={`/datasets/${id}/audit`}>Audit it again</Link>
        </p>
      </Notice>
    );
  if (data && (data.status === "failed" || data.status === "rejected")) {
    const detail = data.problem?.["detail"];
    return <Notice kind="error">{typeof detail === "string" ? detail : "It could not be made."}</Notice>;
  }
  return <Notice>The version is being made.</Notice>;
}
