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

/**
 * Keeps the address and the sample in front of one the same: it follows where one goes, and a sample that it names by
 * anybody else's doing, a link's or the back button's, is looked for in the list once that is here.
 */
export function useSampleInAddress(
  auditId: string,
  { place, go }: ReturnType<typeof usePlace>,
  ranks: Uint32Array | null,
  position: Position,
  focused: number | undefined,
  onMissing: (sample: number) => void,
) {
  const queries = useQueryClient();
  const named = useRef<number | null>(null); // by us, or looked for already
  const looking = useRef(false);
  const { goTo, pin, pinned } = position;
  useEffect(() => {
    const { sample } = place;
    if (!ranks || sample === named.current) return;
    named.current = sample;
    looking.current = sample !== null;
    if (sample === null) return;
    queries
      .fetchQuery(evidenceQuery(auditId, sample))
      .then(
        (row) => {
          if (named.current !== sample) return;
          const at = ranks.indexOf(row.rank);
          if (at >= 0) goTo(at);
          else pin(sample);
        },
        () => onMissing(sample),
      )
      .finally(() => {
        if (named.current === sample) looking.current = false;
      });
  }, [auditId, goTo, onMissing, pin, place, queries, ranks]);
  useEffect(() => {
    if (!ranks || looking.current || focused === undefined || pinned !== null || place.sample === focused) return;
    const timer = setTimeout(() => {
      named.current = focused;
      go({ ...place, sample: focused }, true);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [focused, go, pinned, place, ranks]);
}
