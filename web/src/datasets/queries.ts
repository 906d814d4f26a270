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

/**
 * The files that were left out. While the dataset is read the list grows; what it is at the end is another list, asked for
 * anew, for nobody knows how much of it had come when it was last looked at.
 */
export const leftOutQuery = (id: string, outcome: Outcome, live: boolean) =>
  infiniteQueryOptions({
    ...paged(["left-out", id, outcome, live], Number, (after, signal) => leftOut(id, outcome, after, 200, signal)),
    placeholderData: (before, query) =>
      query?.queryKey[1] === id && query.queryKey[2] === outcome ? before : undefined,
    refetchInterval: live ? SOON : (false as const),
    staleTime: live ? 0 : Number.POSITIVE_INFINITY,
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
