import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { answer, api } from "../api/client";
import type { Suspect } from "../api/queries";
import { remember, remembered } from "../ui/stored";
import { expected, judgementsOf } from "./judgements";
import { refresh, useListening } from "./listening";
import { outbox, type Saying, type Source } from "./outbox";
import { evidenceQuery } from "./queue";

export type Decision = NonNullable<Saying["decision"]>;
export interface Decided {
  row: Pick<Suspect, "sample" | "rank">;
  decision: Decision;
  label: string | null;
}
type Step = { samples: { id: string; sample: number; rank: number }[] } | { bulk: string; count: number };

const STEPS = 200; // that can be taken back

/** Says and takes back. */
export function useJudging(auditId: string, reviewer: string, source: Source) {
  const queries = useQueryClient();
  const judgements = useMemo(() => judgementsOf(auditId), [auditId]);
  const steps = useRef<Step[]>([]);
  const listening = useListening(auditId, judgements);
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

  return { judgements, decide, didBulk, undo, ...listening };
}
