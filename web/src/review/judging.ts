import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { answer, api } from "../api/client";
import { type Judgement, reviewStateQuery } from "../api/queries";
import { changedBy, expected, type Judgements, judgementsOf } from "./judgements";
import type { Source } from "./kept";
import { outbox } from "./outbox";
import { evidenceQuery } from "./queue";
import { useSaying } from "./saying";

const LOOK_MS = 3000; // pause between two looks at what others said
const FEW = 20; // samples that are looked at one by one

/** Says, takes back, and listens to what others say. */
export function useJudging(auditId: string, reviewer: string, source: Source) {
  const queries = useQueryClient();
  const judgements = useMemo(() => judgementsOf(auditId), [auditId]);
  const [heard, setHeard] = useState<string | null>(null);
  const again = useCallback(() => refresh(queries, auditId, judgements), [auditId, judgements, queries]);
  const saying = useSaying(auditId, reviewer, source, judgements, again);

  useEffect(
    () =>
      outbox.onWritten((audit, standing, said) => {
        if (audit !== auditId) return;
        const left = new Set(outbox.of(audit).map((kept) => kept.saying.sample));
        const told = new Map(standing.map((judgement) => [judgement.sample, judgement]));
        for (const { sample } of said) if (!left.has(sample)) judgements.set(sample, told.get(sample) ?? null);
        for (const sample of new Set(said.map((one) => one.sample)))
          void queries.invalidateQueries({ queryKey: evidenceQuery(auditId, sample).queryKey });
        void queries.invalidateQueries({ queryKey: ["review-state", auditId] });
        void queries.invalidateQueries({ queryKey: ["facets", auditId] });
      }),
    [auditId, judgements, queries],
  );

  // What was refused and let go of does not count: what did before does again.
  useEffect(
    () =>
      outbox.onLetGo((gone) => {
        const samples = [...new Set(gone.filter((kept) => kept.audit === auditId).map((kept) => kept.saying.sample))];
        const waiting = outbox.of(auditId);
        for (const sample of samples) {
          const last = waiting.findLast((kept) => kept.saying.sample === sample);
          judgements.set(sample, last ? expected(last) : null);
        }
        const known = samples.length > FEW ? [again()] : samples.map((n) => newer(auditId, n, judgements, queries));
        for (const one of known) one.catch(() => undefined); // a service that is away is told of by the outbox
      }),
    [again, auditId, judgements, queries],
  );

  // What is shown is asked for after this number is known, so whatever is said later is heard of.
  const state = useQuery({ ...reviewStateQuery(auditId), select: ({ last }) => last });
  const [heardFrom, setHeardFrom] = useState<number | null>(null);
  if (heardFrom === null && state.data !== undefined) setHeardFrom(state.data);
  useEffect(
    () => (heardFrom === null ? undefined : listen(auditId, heardFrom, judgements, queries, setHeard)),
    [auditId, heardFrom, judgements, queries],
  );

  return { judgements, ...saying, heard, listening: heardFrom !== null, error: state.error };
}

type Queries = ReturnType<typeof useQueryClient>;

/** Fetch everything that decisions change anew. */
export async function refresh(queries: Queries, auditId: string, judgements: Judgements): Promise<void> {
  await queries.invalidateQueries({ queryKey: ["rows", auditId] });
  judgements.forgetAll();
  for (const kept of outbox.of(auditId)) judgements.set(kept.saying.sample, expected(kept));
  for (const key of ["facets", "review-state", "evidence"])
    void queries.invalidateQueries({ queryKey: [key, auditId] });
}

/** Looks every few seconds at what others said, while somebody looks at the page. */
function listen(
  auditId: string,
  from: number,
  judgements: Judgements,
  queries: Queries,
  heard: (what: string) => void,
): () => void {
  const mine = new Set<string>();
  const stopHearing = outbox.onWritten((_, __, said) => {
    for (const { id } of said) mine.add(id);
  });
  let last = from;
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const look = async () => {
    const path = { audit_id: auditId };
    const page = await answer(
      api.GET("/v1/audits/{audit_id}/reviews", { params: { path, query: { after: last, limit: 1000 } } }),
    );
    const newest = page.data.at(-1);
    if (!newest || over) return;
    last = newest.seq;
    for (const kept of outbox.of(auditId)) mine.add(kept.saying.id);
    const { samples, reviewers } = changedBy(page.data, mine);
    if (samples.length === 0) return;
    if (samples.length > FEW) await refresh(queries, auditId, judgements);
    else await Promise.all(samples.map((sample) => newer(auditId, sample, judgements, queries)));
    for (const key of ["facets", "review-state"]) void queries.invalidateQueries({ queryKey: [key, auditId] });
    heard(`${reviewers.join(", ")}: ${samples.length === 1 ? "one decision" : `${samples.length} decisions`}`);
  };
  const again = () => {
    if (over) return;
    timer = setTimeout(() => {
      if (document.visibilityState === "hidden") again();
      else
        look()
          .catch(() => undefined)
          .finally(again); // a service that is away is told of by the outbox
    }, LOOK_MS);
  };
  again();
  return () => {
    over = true;
    clearTimeout(timer);
    stopHearing();
  };
}

async function newer(auditId: string, sample: number, judgements: Judgements, queries: Queries): Promise<void> {
  const evidence = await queries.fetchQuery({ ...evidenceQuery(auditId, sample), staleTime: 0 });
  const waiting = outbox.of(auditId).some((kept) => kept.saying.sample === sample);
  if (!waiting) judgements.set(sample, evidence.judgement as Judgement | null);
}
