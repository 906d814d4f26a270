import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { ENDED } from "../api/queries";

export type Planned = Schemas["Planned"];
export type Event = Schemas["EventOut"];
export type Standing = Schemas["Standing"];

const PAGE = 20;
const SOON = 2000;

export const auditsQuery = (dataset: string | null) =>
  infiniteQueryOptions({
    queryKey: ["audits", dataset],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/v1/audits", {
          params: {
            query: {
              limit: PAGE,
              ...(dataset === null ? {} : { dataset_id: dataset }),
              ...(pageParam === null ? {} : { after: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => (last.next === null ? null : String(last.next)),
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ data }) => data.some(({ status }) => !ENDED.has(status))) ? SOON : false,
  });
