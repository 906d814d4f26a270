import { type QueryKey, queryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "./client";

export type Dataset = Schemas["DatasetOut"];
export type Audit = Schemas["AuditOut"];
export type Summary = Schemas["Summary"];
export type Suspect = Schemas["Suspect"];
export type Evidence = Schemas["Evidence"];
export type ReviewState = Schemas["ReviewState"];
export type Facets = Schemas["FacetsOut"];
export type Judgement = Schemas["JudgementOut"];
export type Review = Schemas["ReviewOut"];

export const ENDED: ReadonlySet<Audit["status"]> = new Set(["succeeded", "failed", "cancelled"]);
export const READING: ReadonlySet<Dataset["status"]> = new Set(["received", "ingesting"]);
const SOON = 1000;

type Next = string | number;

/** A list that comes in pages. Each says where the next one begins, and `cursor` makes of that what a request takes. */
export const paged = <Page extends { next: Next | null }, Cursor>(
  queryKey: QueryKey,
  cursor: (next: Next) => Cursor,
  page: (after: Cursor | null, signal: AbortSignal) => Promise<Page>,
) => ({
  queryKey,
  queryFn: ({ pageParam, signal }: { pageParam: Cursor | null; signal: AbortSignal }) => page(pageParam, signal),
  initialPageParam: null as Cursor | null,
  getNextPageParam: ({ next }: Page): Cursor | null => (next === null ? null : cursor(next)),
});

export const datasetQuery = (id: string) =>
  queryOptions({
    queryKey: ["dataset", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/datasets/{dataset_id}", { params: { path: { dataset_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && READING.has(state.data.status) ? SOON : false),
  });

/** All versions of a dataset, the oldest first. */
export const versionsQuery = (id: string) =>
  queryOptions({
    queryKey: ["versions", id],
    queryFn: async ({ signal }) => {
      const params = { path: { dataset_id: id }, query: { limit: 1000 } };
      return (await answer(api.GET("/v1/datasets/{dataset_id}/versions", { params, signal }))).data;
    },
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => READING.has(status)) ? SOON : false),
  });

export const auditQuery = (id: string) =>
  queryOptions({
    queryKey: ["audit", id],
    queryFn: ({ signal }) => answer(api.GET("/v1/audits/{audit_id}", { params: { path: { audit_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && !ENDED.has(state.data.status) ? SOON : false),
  });

export const summaryQuery = (id: string) =>
  queryOptions({
    queryKey: ["summary", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/audits/{audit_id}/summary", { params: { path: { audit_id: id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const reviewStateQuery = (id: string) =>
  queryOptions({
    queryKey: ["review-state", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/audits/{audit_id}/reviews/summary", { params: { path: { audit_id: id } }, signal })),
  });
