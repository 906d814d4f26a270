import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { Changes } from "./changes";
import { versionsQuery } from "./queries";

/** All versions of a dataset, the oldest first, each with what it changed. */
export function Family({ datasetId }: { datasetId: string }) {
  const { data } = useQuery(versionsQuery(datasetId));
  if (!data || data.length < 2) return null;
  const there = new Set(data.map(({ id }) => id));
  return (
    <>
      <h3>Versions</h3>
      <ul className="versions">
        {data.map((one) => (
          <li key={one.id}>
            {one.id === datasetId ? (
              <strong className="wrapping">{one.name}</strong>
            ) : (
              <Link className="wrapping" href={`/datasets/${one.id}`}>
                {one.name}
              </Link>
            )}{" "}
            <span className="muted">
              version {one.version}
              {one.id === datasetId && ", this one"}
              {one.status !== "ready" && `, ${one.status}`}
            </span>
            {one.status === "ready" && one.parent_id !== null && there.has(one.parent_id) && (
              <Changes from={one.parent_id} to={one.id} />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
