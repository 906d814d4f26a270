import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { ENDED, paged } from "../api/queries";

export type Planned = Schemas["Planned"];
export type Event = Schemas["EventOut"];
export type Standing = Schemas["Standing"];

const PAGE = 20;
const SOON = 2000;

export const auditsQuery = (dataset: string | null) =>
  infiniteQueryOptions({
    ...paged(["audits", dataset], String, (after, signal) =>
      answer(api.GET("/v1/audits", { params: { query: { limit: PAGE, dataset_id: dataset, after } }, signal })),
    ),
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ data }) => data.some(({ status }) => !ENDED.has(status))) ? SOON : false,
  });
