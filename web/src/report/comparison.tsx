import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Audit } from "../api/queries";
import { count, percent, plural, when } from "../ui/format";
import { Card, Fact, Failed, Loading, Notice } from "../ui/parts";
import { Moved } from "./moved";
import { auditsOfQuery, differenceQuery } from "./queries";

const nameOf = (audit: Audit) => {
  const plan = audit.plan
    ? `${audit.plan.network}, ${plural(audit.plan.epochs, "epoch")}, seed ${audit.plan.seed}`
    : "";
  return `${audit.id.slice(-6)} · ${when(audit.created_at)}${plan && ` · ${plan}`}`;
};

/** This ranking beside that of another audit of the same data. */
export function Comparison({ audit }: { audit: Audit }) {
  const [other, setOther] = useState("");
  const audits = useQuery(auditsOfQuery(audit.dataset_id));
  const others = audits.data?.filter(({ id, status }) => id !== audit.id && status === "succeeded") ?? [];
  const rule = others.find(({ id }) => id === other)?.score_version;
  if (others.length === 0) return null;
  return (
    <Card title="Compared with another audit">
      <label className="row compared">
        <span className="muted">The other one</span>
        <select value={other} onChange={(event) => setOther(event.target.value)}>
          <option value="">choose an audit of the same data</option>
          {others.map((one) => (
            <option key={one.id} value={one.id}>
              {nameOf(one)}
            </option>
          ))}
        </select>
      </label>
      {other && rule !== audit.score_version && (
        <Notice kind="warning">
          The scores of that audit were made by another rule, so only the order can be compared.
        </Notice>
      )}
      {other && <Difference audit={audit} other={other} />}
    </Card>
  );
}

function Difference({ audit, other }: { audit: Audit; other: string }) {
  const { data, error, refetch } = useQuery(differenceQuery(other, audit.id));
  if (!data) return error ? <Failed error={error} again={() => refetch()} /> : <Loading what="the difference" />;
  const [theirs = 0, ours = 0, both = 0] = data.flagged;
  return (
    <>
      <dl className="facts">
        <Fact
          label="Rank correlation"
          value={data.rank_correlation === null ? "unknown" : data.rank_correlation.toFixed(3)}
          note={`1 is the same order, 0 no relation; over ${plural(data.samples, "sample")}`}
        />
        <Fact label="Flagged by both" value={count(both)} note={`${count(theirs)} there, ${count(ours)} here`} />
        {data.overlaps.map(({ k, common, share }) => (
          <Fact
            key={k}
            label={`Among the first ${count(k)} of both`}
            value={percent(share)}
            note={plural(common, "sample")}
          />
        ))}
      </dl>
      {data.only.some((n) => n > 0) && (
        <p className="muted">
          {plural(data.only[0] ?? 0, "sample")} only there, {plural(data.only[1] ?? 0, "sample")} only here.
        </p>
      )}
      <Moved audit={audit} moved={data.moved} />
    </>
  );
}
