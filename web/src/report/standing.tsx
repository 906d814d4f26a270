import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { reviewStateQuery } from "../api/queries";
import { count, plural } from "../ui/format";
import { Card, Failed, Loading, Progress } from "../ui/parts";
import { reviewAddress } from "./address";
import { advice, decided, judged, missed, sentence, swayed } from "./standing-words";

const SIGNS = { "too-few": "…", "go-on": "→", stop: "✓" } as const;

/** Where the review of this audit stands, and whether it pays to go on. */
export function Standing({ auditId }: { auditId: string }) {
  const { data: state, error, refetch } = useQuery({ ...reviewStateQuery(auditId), refetchOnMount: "always" });
  if (!state)
    return (
      <Card title="Where the review stands">
        {error ? <Failed error={error} again={() => refetch()} /> : <Loading what="where the review stands" />}
      </Card>
    );
  const done = judged(state);
  const all = done + state.left;
  const sways = swayed(state);
  return (
    <Card
      title="Where the review stands"
      extra={
        <Link href={reviewAddress(auditId, { decided: false })}>
          {done === 0 ? "Begin" : "Go on"} with the next {count(state.next)}
        </Link>
      }
    >
      <p className="review-sentence">{sentence(state)}</p>
      <p>
        <span aria-hidden="true">{SIGNS[state.advice]}</span> {advice(state)}
      </p>
      <p className="muted">
        {missed(state) ?? "What the flags miss, a look at some samples without a flag tells."}{" "}
        <Link href={reviewAddress(auditId, { order: "random", is_issue: false, decided: false })}>
          Look at some by chance
        </Link>
      </p>
      {sways && <p className="muted">{sways}</p>}
      <Progress share={all > 0 ? done / all : 1} label="Samples judged" />
      <p className="row muted">
        <span>{plural(done, "sample")} judged</span>
        <span>{count(decided(state, "keep"))} kept</span>
        <span>{count(decided(state, "relabel"))} relabelled</span>
        <span>{count(decided(state, "exclude"))} excluded</span>
        <span>{count(decided(state, "unsure"))} unsure</span>
        {state.disputed > 0 && (
          <Link href={reviewAddress(auditId, { disputed: true })}>
            ⚠ {count(state.disputed)} where reviewers differ
          </Link>
        )}
      </p>
    </Card>
  );
}
