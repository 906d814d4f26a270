import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { answer, api } from "../api/client";
import { type Judgement, reviewStateQuery, type Suspect } from "../api/queries";
import { remember, remembered } from "../ui/stored";
import { changedBy, expected, type Judgements, judgementsOf } from "./judgements";
import { outbox, type Saying, type Source } from "./outbox";
import { evidenceQuery } from "./queue";

export type Decision = NonNullable<Saying["decision"]>;
export interface Decided {
  row: Pick<Suspect, "sample" | "rank">;
  decision: Decision;
  label: string | null;
}
type Step = { samples: { id: string; sample: number; rank: number }[] } | { bulk: string; count: number };

const LOOK_MS = 3000; // pause between two looks at what others said
const FEW = 20; // samples that are looked at one by one
const STEPS = 200; // that can be taken back

/** Says, takes back, and listens to what others say. */
export function useJudging(auditId: string, reviewer: string, source: Source) {
  const queries = useQueryClient();
  const judgements = useMemo(() => judgementsOf(auditId), [auditId]);
  const steps = useRef<Step[]>([]);
  const [heard, setHeard] = useState<string | null>(null);
  useEffect(() => {
    steps.current = JSON.parse(remembered(`steps.${auditId}`) ?? "[]") as Step[];
  }, [auditId]);

  const keepSteps = useCallback(() => {
    steps.current = steps.current.slice(-STEPS);
    remember(`steps.${auditId}`, JSON.stringify(steps.current));
  }, [auditId]);

  const decide = useCallback(
    (decisions: Decided[]) => {
      const at = Date.now();
      const said = decisions.map(({ row, decision, label }, k) => {
        const saying: Saying = {
          id: crypto.randomUUID(),
          sample: row.sample,
          decision,
          ...(label === null ? {} : { label }),
        };
        const kept = { audit: auditId, reviewer, source, at: at + k / 1000, saying };
        outbox.add(kept);
        judgements.set(row.sample, expected(kept));
        return { id: saying.id, sample: row.sample, rank: row.rank };
      });
      steps.current.push({ samples: said });
      keepSteps();
    },
    [auditId, reviewer, source, judgements, keepSteps],
  );

  const didBulk = useCallback(
    (bulk: string, count: number) => {
      steps.current.push({ bulk, count });
      keepSteps();
    },
    [keepSteps],
  );

  /** Take the last step back; what it was. */
  const undo = useCallback(async (): Promise<{ rank: number | null; count: number } | null> => {
    const step = steps.current.pop();
    if (!step) return null;
    keepSteps();
    if ("bulk" in step) {
      const undone = await answer(
        api.POST("/v1/audits/{audit_id}/reviews/bulk/{bulk_id}/undo", {
          params: { path: { audit_id: auditId, bulk_id: step.bulk }, query: { reviewer } },
        }),
      );
      await refresh(queries, auditId, judgements);
      return { rank: null, count: undone.count };
    }
    const at = Date.now();
    step.samples.forEach(({ id, sample }, k) => {
      const saying: Saying = { id: crypto.randomUUID(), sample, undoes: id };
      outbox.add({ audit: auditId, reviewer, source, at: at + k / 1000, saying });
      judgements.set(sample, null);
    });
    return { rank: step.samples[0]?.rank ?? null, count: step.samples.length };
  }, [auditId, reviewer, source, judgements, keepSteps, queries]);

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

  // What is shown is asked for after this number is known, so whatever is said later is heard of.
  const state = useQuery({ ...reviewStateQuery(auditId), select: ({ last }) => last });
  const [heardFrom, setHeardFrom] = useState<number | null>(null);
  if (heardFrom === null && state.data !== undefined) setHeardFrom(state.data);
  useEffect(
    () => (heardFrom === null ? undefined : listen(auditId, heardFrom, judgements, queries, setHeard)),
    [auditId, heardFrom, judgements, queries],
  );

  return { judgements, decide, didBulk, undo, heard, listening: heardFrom !== null, error: state.error };
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
