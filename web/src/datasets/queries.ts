import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { paged, READING } from "../api/queries";

export type LeftOut = Schemas["LeftOutOut"];
export type Finding = Schemas["FindingOut"];
export type Kind = Finding["kind"];
export type Outcome = LeftOut["outcome"];
export type Difference = Schemas["VersionDifference"];
export type Changed = Schemas["DifferenceOut"];

const PAGE = 50;
const SOON = 1500;

export const datasetsQuery = infiniteQueryOptions({
  ...paged(["datasets"], String, (after, signal) =>
    answer(api.GET("/v1/datasets", { params: { query: { limit: PAGE, after } }, signal })),
  ),
  refetchInterval: ({ state }) =>
    state.data?.pages.some(({ data }) => data.some(({ status }) => READING.has(status))) ? SOON : false,
});

export const leftOutQuery = (id: string, outcome: Outcome, live: boolean) => ({
  ...paged(["left-out", id, outcome], Number, (after, signal) => leftOut(id, outcome, after, 200, signal)),
  refetchInterval: live ? SOON : (false as const),
});

export const leftOut = (id: string, outcome: Outcome, after: number | null, limit: number, signal?: AbortSignal) =>
  answer(
    api.GET("/v1/datasets/{dataset_id}/rejects", {
      params: { path: { dataset_id: id }, query: { outcome, limit, after } },
      signal: signal ?? null,
    }),
  );

/** What was found of a kind; of copies only those in several splits, if asked for. */
export const findingsQuery = (id: string, kind: Kind, leaks: boolean) => ({
  ...paged(["findings", id, kind, leaks], Number, (after, signal) => {
    const query = { kind, limit: 200, after, ...(leaks && { across_splits: true }) };
    return answer(
      api.GET("/v1/datasets/{dataset_id}/findings", { params: { path: { dataset_id: id }, query }, signal }),
    );
  }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** How a version differs from another, sample by sample; all pages tell the same numbers. */
export const changesQuery = (one: string, other: string) => ({
  ...paged(["changes", one, other], Number, (after, signal) => {
    const path = { dataset_id: one, other_id: other };
    const params = { path, query: { limit: 24, after } };
    return answer(api.GET("/v1/datasets/{dataset_id}/diff/{other_id}", { params, signal }));
  }),
  staleTime: Number.POSITIVE_INFINITY,
});
