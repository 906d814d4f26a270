import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { type Dataset, versionsQuery } from "../api/queries";
import { reviewAddress } from "../report/address";
import { ago } from "../ui/ago";
import { count, plural, when } from "../ui/format";
import { Card, Failed } from "../ui/parts";
import { Changes } from "./changes";
import { parentOf } from "./family";
import { DatasetStatus } from "./status";
import "./datasets.css";

/** The family of a dataset, the oldest first: what it was corrected from, and what was made of it. */
export function Versions({ dataset }: { dataset: Dataset }) {
  const versions = useQuery(versionsQuery(dataset.id));
  if (versions.error && dataset.version > 1)
    return (
      <Card title="Versions">
        <Failed error={versions.error} again={() => void versions.refetch()} />
      </Card>
    );
  const family = versions.data ?? [];
  if (family.length < 2) return null;
  return (
    <Card title="Versions">
      <Family family={family} shown={dataset.id} />
    </Card>
  );
}

/** Versions in a list, each with what it changed. */
export function Family({ family, shown }: { family: readonly Dataset[]; shown: string }) {
  return (
    <ol className="family">
      {family.map((one) => (
        <Version key={one.id} one={one} parent={parentOf(one, family)} shown={one.id === shown} />
      ))}
    </ol>
  );
}

function Version({ one, parent, shown }: { one: Dataset; parent: Dataset | null; shown: boolean }) {
  return (
    <li>
      <div className="row">
        <Link href={`/datasets/${one.id}`} className="name" aria-current={shown ? "page" : undefined}>
          {one.name}
        </Link>
        <span>version {one.version}</span>
        {shown && <span className="badge">◂ this one</span>}
        {one.status !== "ready" && <DatasetStatus status={one.status} />}
        <span className="muted">
          {one.counts && `${plural(one.counts.accepted, "image")}, `}
          <time dateTime={one.created_at} title={when(one.created_at)}>
            {ago(one.created_at)}
          </time>
        </span>
      </div>
      {one.version > 1 && <MadeFrom one={one} parent={parent} />}
      {parent?.status === "ready" && one.status === "ready" && <Changes from={parent.id} to={one.id} />}
    </li>
  );
}

function MadeFrom({ one, parent }: { one: Dataset; parent: Dataset | null }) {
  const { from_audit: audit, from_reviews: reviews } = one;
  if (!parent) return <p className="muted">Made from version {one.version - 1}, which was deleted</p>;
  return (
    <p className="muted">
      Made from version {parent.version}
      {audit && (
        <>
          {" and "}
          <Link href={`/audits/${audit}`}>audit {audit.slice(-6)}</Link>
        </>
      )}
      {audit && reviews !== null && (
        <>
          , with <Link href={reviewAddress(audit, { decided: true })}>the decisions</Link> up to number {count(reviews)}
        </>
      )}
    </p>
  );
}
