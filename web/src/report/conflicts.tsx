import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";
import { Link } from "wouter";
import type { Schemas } from "../api/client";
import { plural } from "../ui/format";
import { Card, Failed, Loading } from "../ui/parts";
import { reviewAddress } from "./address";
import { conflictsQuery } from "./queries";
import { Thumbnail } from "./thumbnail";

/** The same picture under different labels: wrong for certain, whatever the network says. */
export function Conflicts({ auditId, counts }: { auditId: string; counts: Schemas["ConflictCounts"] }) {
  const { data, error, refetch } = useQuery(conflictsQuery(auditId));
  return (
    <Card
      title="The same image, different labels"
      extra={
        <Link href={reviewAddress(auditId, { conflict: true })}>Look at these {plural(counts.samples, "sample")}</Link>
      }
    >
      <p>
        {plural(counts.groups, "image")} {counts.groups === 1 ? "is" : "are"} there more than once with labels that
        differ. Of each, at least one label is wrong.
      </p>
      {error && <Failed error={error} again={() => refetch()} />}
      {!data && !error && <Loading what="conflicts" />}
      <ul className="conflicts">
        {data?.map((group) => {
          const first = group.samples[0];
          const labels = [...new Set(group.samples.map((sample) => sample.given_label))];
          return (
            <li key={group.conflict}>
              {first && <Thumbnail src={first.image} />}
              <span className="wrapping">
                {labels.map((label, k) => (
                  <Fragment key={label}>
                    {k > 0 && " / "}
                    <bdi>{label}</bdi>
                  </Fragment>
                ))}
                <br />
                <span className="muted">
                  {plural(group.size, "sample")}
                  {group.favoured_label !== null && `, likelier: ${group.favoured_label}`}
                </span>
              </span>
              {first && <Link href={reviewAddress(auditId, { conflict: true, sample: first.sample })}>Look</Link>}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
