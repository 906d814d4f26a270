import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { answer, api } from "../api/client";
import { reviewStateQuery } from "../api/queries";
import { count, plural } from "../ui/format";
import { changedBy, expected, type Judgements } from "./judgements";
import { outbox } from "./outbox";
import { evidenceQuery } from "./queue";

const LOOK_MS = 3000; // pause between two looks at what others said
const AT_ONCE = 1000; // reviews; where there are more, all that is shown is fetched anew
export const FEW = 20; // samples that are looked at one by one
const TOLD_MS = 10_000; // for which what was heard is told

/** Listens to what others say, from before anything is shown: rows are to be fetched once it is `listening`. */
export function useListening(auditId: string, judgements: Judgements) {
  const queries = useQueryClient();
  const [heard, setHeard] = useState<string | null>(null);
  // Rows of an earlier visit do not know what was decided since.
  useEffect(() => queries.removeQueries({ queryKey: ["rows", auditId] }), [auditId, queries]);

  const state = useQuery({ ...reviewStateQuery(auditId), select: ({ last }) => last });
  const [from, setFrom] = useState<number | null>(null);
  if (from === null && state.data !== undefined) setFrom(state.data);
  useEffect(
    () => (from === null ? undefined : listen(auditId, from, judgements, queries, setHeard)),
    [auditId, from, judgements, queries],
  );
  useEffect(() => {
    if (heard === null) return;
    const timer = setTimeout(() => setHeard(null), TOLD_MS);
    return () => clearTimeout(timer);
  }, [heard]);
  return { heard, listening: from !== null, error: state.error };
}

/** Fetch everything that decisions change anew; whether that could be done. What is decided meanwhile stays. */
export async function refresh(queries: QueryClient, auditId: string, judgements: Judgements): Promise<boolean> {
  const before = judgements.now;
  for (const key of ["facets", "review-state", "evidence"])
    void queries.invalidateQueries({ queryKey: [key, auditId] });
  const rows = ["rows", auditId];
  try {
    await queries.invalidateQueries({ queryKey: rows }, { throwOnError: true });
  } catch {
    return false; // without new rows, what was decided since the old ones is known here alone
  }
  queries.removeQueries({ queryKey: rows, type: "inactive" });
  judgements.forget(before);
  for (const kept of outbox.of(auditId)) judgements.set(kept.saying.sample, expected(kept));
  return true;
}

/** Looks every few seconds at what others said, while somebody looks at the page. */
function listen(
  auditId: string,
  from: number,
  judgements: Judgements,
  queries: QueryClient,
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
    const found = await others(auditId, last, mine);
    if (over || !(await shown(found))) return;
    last = found.last;
    if (found.samples.length > 0) heard(words(found));
  };
  /** Bring what is shown up to date; whether that could be done, so that nothing is taken for heard that is not. */
  const shown = async ({ samples, more }: Heard): Promise<boolean> => {
    if (samples.length === 0 && !more) return true;
    if (more || samples.length > FEW) return await refresh(queries, auditId, judgements);
    await Promise.all(samples.map((sample) => newer(auditId, sample, judgements, queries)));
    for (const key of ["facets", "review-state"]) void queries.invalidateQueries({ queryKey: [key, auditId] });
    return true;
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

interface Heard {
  samples: number[];
  reviewers: string[];
  /** There is more than was looked at. */
  more: boolean;
  /** The number of the last review that is heard of with this. */
  last: number;
}

/** What others said after review number `last`. */
async function others(auditId: string, last: number, mine: Set<string>): Promise<Heard> {
  const path = { audit_id: auditId };
  const page = await answer(
    api.GET("/v1/audits/{audit_id}/reviews", { params: { path, query: { after: last, limit: AT_ONCE } } }),
  );
  for (const kept of outbox.of(auditId)) mine.add(kept.saying.id);
  const more = page.next !== null;
  const newest = more
    ? (await answer(api.GET("/v1/audits/{audit_id}/reviews/summary", { params: { path } }))).last
    : page.data.at(-1)?.seq;
  return { ...changedBy(page.data, mine), more, last: newest ?? last };
}

function words({ samples, reviewers, more }: Heard): string {
  const what = more ? `more than ${count(AT_ONCE)} decisions` : plural(samples.length, "decision");
  return `${reviewers.join(", ") || "Others"}: ${samples.length === 1 && !more ? "one decision" : what}.`;
}

/** Ask for what counts of a sample now. */
export async function newer(
  auditId: string,
  sample: number,
  judgements: Judgements,
  queries: QueryClient,
): Promise<void> {
  const before = judgements.now;
  const evidence = await queries.fetchQuery({ ...evidenceQuery(auditId, sample), staleTime: 0 });
  const waiting = outbox.of(auditId).some((kept) => kept.saying.sample === sample);
  if (!waiting) judgements.learn(sample, evidence.judgement, before);
}
