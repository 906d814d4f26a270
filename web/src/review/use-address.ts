import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useLocation, useSearch } from "wouter";
import { type Place, placeOf, searchOf } from "./place";
import { evidenceQuery } from "./queue";
import type { Position } from "./use-position";

const REST_MS = 400; // before the address names the sample that is looked at

/** What the address says is looked at, and how to look at something else. */
export function usePlace(auditId: string) {
  const [, navigate] = useLocation();
  const search = useSearch();
  const place = useMemo(() => placeOf(new URLSearchParams(search)), [search]);
  const go = useCallback(
    (to: Place, replace = false) => navigate(`/audits/${auditId}/review?${searchOf(to)}`, { replace }),
    [auditId, navigate],
  );
  return { place, go };
}

/** Keeps the address and the sample in front of one the same: the sample it names is looked for once, then it follows. */
export function useSampleInAddress(
  auditId: string,
  { place, go }: ReturnType<typeof usePlace>,
  ranks: Uint32Array | undefined,
  position: Position,
  focused: number | undefined,
  onMissing: (sample: number) => void,
) {
  const queries = useQueryClient();
  const looked = useRef(false);
  const { goTo, pin, pinned } = position;
  useEffect(() => {
    if (looked.current || !ranks) return;
    looked.current = true;
    if (place.sample === null) return;
    const { sample } = place;
    queries.fetchQuery(evidenceQuery(auditId, sample)).then(
      (row) => {
        const at = ranks.indexOf(row.rank);
        if (at >= 0) goTo(at);
        else pin(sample);
      },
      () => onMissing(sample),
    );
  }, [auditId, goTo, onMissing, pin, place, queries, ranks]);
  useEffect(() => {
    if (!looked.current || focused === undefined || pinned !== null || place.sample === focused) return;
    const timer = setTimeout(() => go({ ...place, sample: focused }, true), REST_MS);
    return () => clearTimeout(timer);
  }, [focused, go, pinned, place]);
}
