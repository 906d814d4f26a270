import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Suspect } from "../api/queries";
import { BLOCK, rowsQuery } from "./queue";

const CALM_MS = 20; // places that are only passed by are not asked for

/** The rows of a list at places `from` to before `to`, as far as they are here; what is missing is fetched. */
export function useRows(auditId: string, asOf: number | null, ranks: Uint32Array, from: number, to: number) {
  const wanted = useCalm(Math.floor(from / BLOCK), Math.floor(Math.max(from, to - 1) / BLOCK));
  const queries = useQueryClient();
  const blocks = useMemo(
    () =>
      Array.from({ length: wanted.last - wanted.first + 1 }, (_, k) => wanted.first + k).filter(
        (block) => block * BLOCK < ranks.length,
      ),
    [wanted, ranks],
  );
  const found = useQueries({ queries: blocks.map((block) => rowsQuery(auditId, asOf, ranks, block)) });
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

/** A range that changes at once when it had been still, and else when it comes to rest. */
function useCalm(first: number, last: number): { first: number; last: number } {
  const [calm, setCalm] = useState({ first, last });
  const moved = useRef(0);
  useEffect(() => {
    const now = performance.now();
    const still = now - moved.current > 4 * CALM_MS;
    moved.current = now;
    const timer = setTimeout(() => setCalm({ first, last }), still ? 0 : CALM_MS);
    return () => clearTimeout(timer);
  }, [first, last]);
  return calm;
}
