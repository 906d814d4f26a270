import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Dataset } from "../api/queries";
import { count, plural } from "../ui/format";
import { Button, Card, Failed, Loading } from "../ui/parts";
import { type Group, grouped, KINDS } from "./kinds";
import { findingsQuery, type Kind } from "./queries";

const SIDE = 128;
const ENOUGH = 12;

/** What was found in the images without a model, and the images themselves when a kind is chosen. */
export function Findings({ dataset }: { dataset: Dataset }) {
  const [kind, setKind] = useState<Kind | null>(null);
  const found = dataset.found ?? {};
  const kinds = (Object.keys(KINDS) as Kind[]).filter((one) => (found[one]?.images ?? 0) > 0);
  const leaks = Object.values(found).reduce((sum, { across_splits }) => sum + across_splits, 0);
  return (
    <Card title="Found without a model">
      {kinds.length === 0 && (
        <p className="muted">No copies, blank, tiny, oddly shaped or nearly empty images were found.</p>
      )}
      {leaks > 0 && (
        <p className="notice warning">
          {plural(leaks, "image")} {leaks === 1 ? "has" : "have"} a copy, or nearly, in another split. Accuracies on
          that split are too good.
        </p>
      )}
      <div className="kinds">
        {kinds.map((one) => (
          <button
            key={one}
            type="button"
            className="kind"
            aria-pressed={kind === one}
            onClick={() => setKind(kind === one ? null : one)}
          >
            <b>{KINDS[one][0]}</b>
            <span>
              {plural(found[one]?.images ?? 0, "image")}
              {(found[one]?.groups ?? 0) > 0 && ` in ${plural(found[one]?.groups ?? 0, "group")}`}
            </span>
            {(found[one]?.across_splits ?? 0) > 0 && (
              <span className="badge warn">⚠ {count(found[one]?.across_splits ?? 0)} across splits</span>
            )}
          </button>
        ))}
      </div>
      {kind && <Images key={kind} id={dataset.id} kind={kind} leaks={found[kind]?.across_splits ?? 0} />}
    </Card>
  );
}

function Images({ id, kind, leaks }: { id: string; kind: Kind; leaks: number }) {
  const [onlyLeaks, setOnlyLeaks] = useState(false);
  const found = useInfiniteQuery(findingsQuery(id, kind, onlyLeaks));
  const [wanted, setWanted] = useState(ENOUGH);
  const groups = grouped(found.data?.pages.flatMap(({ data }) => data) ?? []);
  const { hasNextPage, isFetching, fetchNextPage } = found;
  const more = () => {
    setWanted(wanted + ENOUGH * 2);
    if (groups.length < wanted + ENOUGH * 2 && hasNextPage) void fetchNextPage();
  };
  return (
    <div className="found">
      <p className="muted">{KINDS[kind][1]}</p>
      {leaks > 0 && (
        <label className="inline">
          <input type="checkbox" checked={onlyLeaks} onChange={(event) => setOnlyLeaks(event.target.checked)} /> Only
          across splits
        </label>
      )}
      {found.isPending && <Loading what="the images" />}
      {found.error && <Failed error={found.error} again={() => void found.refetch()} />}
      <ul className="groups">
        {groups.slice(0, wanted).map((group) => (
          <GroupOf key={group.key} group={group} />
        ))}
      </ul>
      {(groups.length > wanted || hasNextPage) && (
        <Button small disabled={isFetching} onClick={more}>
          {isFetching ? "Loading …" : "Show more"}
        </Button>
      )}
    </div>
  );
}

function GroupOf({ group }: { group: Group }) {
  const several = new Set(group.images.map(({ label }) => label)).size > 1;
  return (
    <li className="group" aria-label={group.number === null ? undefined : `Group ${group.number}`}>
      {group.images.map(({ sample, image, label, split, path }) => (
        <figure key={sample} className="found-image">
          <img src={`${image}?size=${SIDE}`} alt={`Sample ${sample}`} loading="lazy" width="96" height="96" />
          <figcaption>
            <b className="path">{label}</b>
            {several && <span className="unseen"> (labels differ)</span>}
            {split && <span className={group.across ? "badge warn" : "badge"}>{split}</span>}
            <span className="path muted" title={path}>
              {path}
            </span>
          </figcaption>
        </figure>
      ))}
    </li>
  );
}
