import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { count, plural } from "../ui/format";
import { Failed, Loading } from "../ui/parts";
import { changesQuery } from "./queries";

const MOST = 12;

/** How a version differs from the one that it came from; asked for when it is opened. */
export function Changes({ from, to }: { from: string; to: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What changed</summary>
      {open && <Told from={from} to={to} />}
    </details>
  );
}

function Told({ from, to }: { from: string; to: string }) {
  const { data, error, refetch } = useQuery(changesQuery(from, to));
  if (error) return <Failed error={error} again={() => refetch()} />;
  if (!data) return <Loading what="what changed" />;
  return (
    <>
      <p>
        {count(data.relabelled)} relabelled, {count(data.excluded)} left out
        {data.restored > 0 && `, ${count(data.restored)} there again`}
      </p>
      <ul className="moves">
        {data.moves.slice(0, MOST).map(({ before, after, count: n }) => (
          <li key={JSON.stringify([before, after])}>
            <bdi className="wrapping">{before ?? "not there"}</bdi> →{" "}
            <bdi className="wrapping">{after ?? "left out"}</bdi> <span className="muted">{plural(n, "sample")}</span>
          </li>
        ))}
      </ul>
      {data.moves.length > MOST && (
        <p className="muted">and {plural(data.moves.length - MOST, "other kind")} of change</p>
      )}
    </>
  );
}
