import { useMutation } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { api, type Schemas } from "../api/client";
import { isRefusal, Problem } from "../api/problem";
import { keepOfTab, ofTab } from "../ui/stored";

export type Bulk = Schemas["Bulk"] & { count: number };

const PATIENCE_MS = 120_000;
const TRIES = 3;
const keyOf = (auditId: string) => `bulk.${auditId}`;

/** One decision on many that was sent, and of which nobody knows whether it was done. */
export const unanswered = (auditId: string): Bulk | null => ofTab<Bulk>(keyOf(auditId));

/** Sends one decision on many. Until its answer is known it is asked again under its own id, so it is done once. */
export function useBulk(auditId: string, onDone: (id: string, count: number) => void, onRefused: () => void) {
  const [open, setOpen] = useState(() => unanswered(auditId));
  const hold = useCallback(
    (bulk: Bulk | null) => {
      keepOfTab(keyOf(auditId), bulk);
      setOpen(bulk);
    },
    [auditId],
  );
  const asking = useMutation({
    mutationFn: (bulk: Bulk) => {
      hold(bulk);
      return done(auditId, bulk);
    },
    retry: (failures, error) => !isRefusal(error) && failures < TRIES,
    onSuccess: (_, bulk) => {
      if (unanswered(auditId)?.id !== bulk.id) return; // it was asked twice
      hold(null);
      onDone(bulk.id, bulk.count);
    },
    onError: (error) => {
      if (!isRefusal(error)) return;
      hold(null);
      onRefused();
    },
  });
  return { open, ask: asking.mutate, asking: asking.isPending, error: asking.error };
}

async function done(auditId: string, bulk: Bulk): Promise<void> {
  try {
    const { data } = await api.POST("/v1/audits/{audit_id}/reviews/bulk", {
      params: { path: { audit_id: auditId } },
      body: bulk,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (data?.id === bulk.id && data.done) return;
  } catch (error) {
    if (error instanceof Problem && error.code === "already-done") return;
    throw error;
  }
  throw new Problem("not-done", "The service answered with something else than what it did.", 0, true);
}
