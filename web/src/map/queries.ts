import { queryOptions } from "@tanstack/react-query";
import { answer, api, bytes } from "../api/client";
import { ranksOf } from "../review/queue";
import { read } from "./points";

export const mapQuery = (id: string) =>
  queryOptions({
    queryKey: ["map", id],
    queryFn: async ({ signal }) => {
      const map = await answer(api.GET("/v1/audits/{audit_id}/map", { params: { path: { audit_id: id } }, signal }));
      return { map, points: read(await bytes(map.href, signal), map) };
    },
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false, // a million points need no comparing
  });

const DECISIONS = ["keep", "relabel", "exclude", "unsure"] as const;

/** The ranks of all samples with a decision, by decision. */
export const decidedQuery = (id: string) =>
  queryOptions({
    queryKey: ["decided-ranks", id],
    queryFn: async ({ signal }): Promise<Record<string, Uint32Array>> => {
      const ranks = DECISIONS.map(async (decision) => {
        return [decision, ranksOf(await bytes(`/v1/audits/${id}/queue?decision=${decision}`, signal))] as const;
      });
      return Object.fromEntries(await Promise.all(ranks));
    },
    structuralSharing: false,
  });
