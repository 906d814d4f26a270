import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api, bytes } from "../api/client";
import type { Suspect } from "../api/queries";
import { listOf, type Place } from "./place";

export const BLOCK = 60;

/**
 * Ranks in the order in which they are looked at. It stays as it is while one judges, so that nothing jumps; whoever
 * comes back to a list asks for it again.
 */
export const queueQuery = (auditId: string, place: Pick<Place, "choices" | "order" | "asOf">) => {
  const search = listOf(place).toString();
  return queryOptions({
    queryKey: ["queue", auditId, search],
    queryFn: async ({ signal }) => ranksOf(await bytes(`/v1/audits/${auditId}/queue?${search}`, signal)),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    placeholderData: keepPreviousData,
    structuralSharing: false,
  });
};

/** Numbers of four bytes, the lowest byte first, on any machine. */
export function ranksOf(content: ArrayBuffer): Uint32Array {
  const view = new DataView(content);
  const ranks = new Uint32Array(content.byteLength / 4);
  for (let k = 0; k < ranks.length; k++) ranks[k] = view.getUint32(4 * k, true);
  return ranks;
}

/** The rows at places `BLOCK * block` and following of a list. */
export const rowsQuery = (auditId: string, asOf: number | null, ranks: Uint32Array, block: number) =>
  ranksQuery(auditId, asOf, ranks.subarray(block * BLOCK, (block + 1) * BLOCK).join(","));

/** The rows of these ranks. */
export const ranksQuery = (auditId: string, asOf: number | null, ranks: string) =>
  queryOptions({
    queryKey: ["rows", auditId, asOf, ranks],
    queryFn: async ({ signal }) => {
      const page = await answer(
        api.GET("/v1/audits/{audit_id}/suspects", {
          params: {
            path: { audit_id: auditId },
            query: { ranks, ...(asOf === null ? {} : { as_of: asOf }) },
          },
          signal,
        }),
      );
      return page.data as Suspect[];
    },
    enabled: ranks !== "",
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });

export const evidenceQuery = (auditId: string, sample: number) =>
  queryOptions({
    queryKey: ["evidence", auditId, sample],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/audits/{audit_id}/samples/{n}", {
          params: { path: { audit_id: auditId, n: sample } },
          signal,
        }),
      ),
    staleTime: 30_000,
  });

export const facetsQuery = (auditId: string, choices: Place["choices"]) => {
  const search = listOf({ choices, order: "rank", asOf: null });
  return queryOptions({
    queryKey: ["facets", auditId, search.toString()],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/audits/{audit_id}/facets", {
          params: { path: { audit_id: auditId }, query: Object.fromEntries(search) },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: 5000,
  });
};

export const neighboursQuery = (auditId: string, sample: number) =>
  queryOptions({
    queryKey: ["neighbours", auditId, sample],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/audits/{audit_id}/samples/{n}/neighbours", {
          params: { path: { audit_id: auditId, n: sample } },
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const cohortsQuery = (auditId: string) =>
  queryOptions({
    queryKey: ["cohorts", auditId],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/audits/{audit_id}/cohorts", { params: { path: { audit_id: auditId } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });
