import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Suspect } from "../api/queries";
import { BLOCK, rowsQuery } from "./queue";

const LONGEST_MS = 150; // for which places wait while others are on their way

/** The rows of a list at places `from` to before `to`, as far as they are here; what is missing is fetched. */
export function useRows(auditId: string, asOf: number | null, ranks: Uint32Array, from: number, to: number) {
  const [busy, setBusy] = useState(false);
  const wanted = useLatest(Math.floor(from / BLOCK), Math.floor(Math.max(from, to - 1) / BLOCK), busy);
  const queries = useQueryClient();
  const blocks = useMemo(
    () =>
      Array.from({ length: wanted.last - wanted.first + 1 }, (_, k) => wanted.first + k).filter(
        (block) => block * BLOCK < ranks.length,
      ),
    [wanted, ranks],
  );
  const found = useQueries({ queries: blocks.map((block) => rowsQuery(auditId, asOf, ranks, block)) });
  const fetching = found.some((query) => query.isFetching);
  if (fetching !== busy) setBusy(fetching);
  const failed = found.find((query) => query.error);
  return {
    row: (place: number): Suspect | undefined => {
      const block = Math.floor(place / BLOCK);
      const at = blocks.indexOf(block);
      const rows =
        at >= 0 ? found[at]?.data : queries.getQueryData<Suspect[]>(rowsQuery(auditId, asOf, ranks, block).queryKey);
      return rows?.[place % BLOCK];
    },
    error: failed?.error ?? null,
    again: () => failed?.refetch(),
  };
}

/** The range that was asked for last; while one is on its way, those that are only passed by are not asked for. */
function useLatest(first: number, last: number, busy: boolean): { first: number; last: number } {
  const [latest, setLatest] = useState({ first, last });
  const since = useRef(0);
  useEffect(() => {
    if (!busy) since.current = performance.now();
    const left = busy ? Math.max(0, since.current + LONGEST_MS - performance.now()) : 0;
    const timer = setTimeout(
      () => setLatest((before) => (before.first === first && before.last === last ? before : { first, last })),
      left,
    );
    return () => clearTimeout(timer);
  }, [first, last, busy]);
  return latest;
}
