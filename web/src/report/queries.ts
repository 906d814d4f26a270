import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api } from "../api/client";

export const flaggedPairsQuery = (id: string) =>
  queryOptions({
    queryKey: ["flagged-pairs", id],
    queryFn: async ({ signal }) => {
      const params = { path: { audit_id: id }, query: { is_issue: true } };
      const facets = await answer(api.GET("/v1/audits/{audit_id}/facets", { params, signal }));
      return facets.pairs;
    },
  });

export const auditsOfQuery = (datasetId: string) =>
  queryOptions({
    queryKey: ["audits-of", datasetId],
    queryFn: async ({ signal }) => {
      const params = { query: { dataset_id: datasetId, limit: 100 } };
      const page = await answer(api.GET("/v1/audits", { params, signal }));
      return page.data;
    },
  });

export const differenceQuery = (from: string, to: string) =>
  queryOptions({
    queryKey: ["difference", from, to],
    queryFn: ({ signal }) => {
      const params = { path: { audit_id: from, other_id: to } };
      return answer(api.GET("/v1/audits/{audit_id}/diff/{other_id}", { params, signal }));
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

export const conflictsQuery = (id: string) =>
  queryOptions({
    queryKey: ["conflicts", id, "first"],
    queryFn: async ({ signal }) => {
      const params = { path: { audit_id: id }, query: { limit: 6 } };
      const page = await answer(api.GET("/v1/audits/{audit_id}/conflicts", { params, signal }));
      return page.data;
    },
    placeholderData: keepPreviousData,
  });

export const cutsQuery = (id: string) =>
  queryOptions({
    queryKey: ["cuts", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/audits/{audit_id}/cuts", { params: { path: { audit_id: id } }, signal })),
  });
