import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { READING } from "../api/queries";

export type LeftOut = Schemas["LeftOutOut"];
export type Finding = Schemas["FindingOut"];
export type Kind = Finding["kind"];
export type Outcome = LeftOut["outcome"];
export type Difference = Schemas["VersionDifference"];
export type Changed = Schemas["DifferenceOut"];

const PAGE = 50;
const SOON = 1500;

export const datasetsQuery = infiniteQueryOptions({
  queryKey: ["datasets"],
  queryFn: ({ pageParam, signal }) =>
    answer(api.GET("/v1/datasets", { params: { query: { limit: PAGE, ...from(pageParam) } }, signal })),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => (last.next === null ? null : String(last.next)),
  refetchInterval: ({ state }) =>
    state.data?.pages.some(({ data }) => data.some(({ status }) => READING.has(status))) ? SOON : false,
});

export const leftOutQuery = (id: string, outcome: Outcome, live: boolean) =>
  infiniteQueryOptions({
    queryKey: ["left-out", id, outcome],
    queryFn: ({ pageParam, signal }) => leftOut(id, outcome, pageParam, 200, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => (last.next === null ? null : Number(last.next)),
    refetchInterval: live ? SOON : false,
  });

export const leftOut = (id: string, outcome: Outcome, after: number | null, limit: number, signal?: AbortSignal) =>
  answer(
    api.GET("/v1/datasets/{dataset_id}/rejects", {
      params: { path: { dataset_id: id }, query: { outcome, limit, ...from(after) } },
      ...(signal ? { signal } : {}),
    }),
  );

/** What was found of a kind; of copies only those in several splits, if asked for. */
export const findingsQuery = (id: string, kind: Kind, leaks: boolean) =>
  infiniteQueryOptions({
    queryKey: ["findings", id, kind, leaks],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/v1/datasets/{dataset_id}/findings", {
          params: {
            path: { dataset_id: id },
            query: { kind, limit: 200, ...(leaks && { across_splits: true }), ...from(pageParam) },
          },
          signal,
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => (last.next === null ? null : Number(last.next)),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** How a version differs from another, sample by sample; all pages tell the same numbers. */
export const changesQuery = (one: string, other: string) =>
  infiniteQueryOptions({
    queryKey: ["changes", one, other],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/v1/datasets/{dataset_id}/diff/{other_id}", {
          params: { path: { dataset_id: one, other_id: other }, query: { limit: 24, ...from(pageParam) } },
          signal,
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => (last.next === null ? null : Number(last.next)),
    staleTime: Number.POSITIVE_INFINITY,
  });

const from = <T>(after: T | null) => (after === null ? {} : { after });
