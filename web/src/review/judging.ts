import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { expected, judgementsOf } from "./judgements";
import type { Source } from "./kept";
import { FEW, newer, refresh, useListening } from "./listening";
import { outbox } from "./outbox";
import { evidenceQuery } from "./queue";
import { useSaying } from "./saying";

/** Says, takes back, and listens. */
export function useJudging(auditId: string, reviewer: string, source: Source) {
  const queries = useQueryClient();
  const judgements = useMemo(() => judgementsOf(auditId), [auditId]);
  const listening = useListening(auditId, judgements);
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

  return { judgements, ...saying, ...listening };
}
