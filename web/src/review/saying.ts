import { useCallback, useMemo, useRef } from "react";
import { answer, api } from "../api/client";
import { isRefusal, Problem, told } from "../api/problem";
import type { Suspect } from "../api/queries";
import { newId } from "../ui/new-id";
import { unanswered } from "./bulk-request";
import { expected, type Judgements } from "./judgements";
import type { Saying, Source } from "./kept";
import { outbox } from "./outbox";
import { isFull } from "./shelf";
import { type Samples, Steps } from "./steps";

export type Decision = NonNullable<Saying["decision"]>;
export interface Decided {
  row: Pick<Suspect, "sample" | "rank">;
  decision: Decision;
  label: string | null;
}
export interface Undone {
  rank: number | null;
  count: number;
  left: number; // that could not be taken back for want of room
}

const PATIENCE_MS = 120_000;
const problem = (code: string, detail: string) => new Problem(code, detail, 0, false);

/** Says what one person decides, and takes it back. */
export function useSaying(
  auditId: string,
  reviewer: string,
  source: Source,
  judgements: Judgements,
  again: () => Promise<unknown>,
) {
  const steps = useMemo(() => new Steps(auditId, reviewer), [auditId, reviewer]);
  const busy = useRef(false);

  const say = useCallback(
    (saying: Saying) => {
      const kept = outbox.add({ audit: auditId, reviewer, source, saying });
      judgements.set(saying.sample, expected(kept));
    },
    [auditId, reviewer, source, judgements],
  );

  /** How many are decided: fewer than asked for where this browser has no room to keep more. */
  const decide = useCallback(
    (decisions: Decided[]): number => {
      const said: Samples = [];
      try {
        for (const { row, decision, label } of decisions) {
          const id = newId();
          say({ id, sample: row.sample, decision, ...(label === null ? {} : { label }) });
          said.push({ id, sample: row.sample, rank: row.rank });
        }
      } catch (error) {
        if (!isFull(error)) throw error;
      } finally {
        if (said.length > 0) steps.push({ samples: said });
      }
      return said.length;
    },
    [say, steps],
  );

  const didBulk = useCallback((bulk: string, count: number) => steps.push({ bulk, count }), [steps]);

  const undoSamples = useCallback(
    (samples: Samples): Undone => {
      const left = [...samples];
      steps.pop();
      try {
        for (const { id, sample } of samples) {
          if (outbox.discard([id]) === 0) say({ id: newId(), sample, undoes: id });
          left.shift();
        }
      } catch (error) {
        if (!isFull(error)) throw error;
      } finally {
        if (left.length > 0) steps.push({ samples: left });
      }
      return { rank: samples[0]?.rank ?? null, count: samples.length - left.length, left: left.length };
    },
    [say, steps],
  );

  const undoBulk = useCallback(
    async (bulk: string): Promise<Undone> => {
      if (busy.current) throw problem("busy", "The last step is still being taken back.");
      busy.current = true;
      try {
        const count = await takeBack(auditId, reviewer, bulk);
        steps.dropBulk(bulk);
        if (count === null) throw problem("not-found", "The service knows of no such decisions any more.");
        await again().catch(() => undefined); // it is taken back, whether or not that can be shown
        return { rank: null, count, left: 0 };
      } finally {
        busy.current = false;
      }
    },
    [auditId, reviewer, steps, again],
  );

  /** Take the last step back; what it was. */
  const undo = useCallback(async (): Promise<Undone | null> => {
    if (unanswered(auditId))
      throw problem("unanswered", "It is not known yet whether many were decided: open Decide many to ask again.");
    const step = steps.last;
    if (!step) return null;
    return "bulk" in step ? undoBulk(step.bulk) : undoSamples(step.samples);
  }, [auditId, steps, undoBulk, undoSamples]);

  return { decide, didBulk, undo };
}

/** How many decisions were taken back; null if there are none of this id. */
async function takeBack(auditId: string, reviewer: string, bulk: string): Promise<number | null> {
  try {
    const undone = await answer(
      api.POST("/v1/audits/{audit_id}/reviews/bulk/{bulk_id}/undo", {
        params: { path: { audit_id: auditId, bulk_id: bulk }, query: { reviewer } },
        signal: AbortSignal.timeout(PATIENCE_MS),
      }),
    );
    return undone.count;
  } catch (error) {
    if (isRefusal(error) && error.code === "not-found") return null;
    if (isRefusal(error)) throw error;
    throw problem("unknown", `It is not known whether they were taken back. ${told(error)} U asks again.`);
  }
}
