import { queryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { type Dataset, ENDED } from "../api/queries";
import type { Format } from "./formats";
import type { Split } from "./splits";

export type Export = Schemas["ExportOut"];
export type Revised = Schemas["Revised"];

const SOON = 1000;

export const exportsQuery = (auditId: string) =>
  queryOptions({
    queryKey: ["exports", auditId],
    queryFn: async ({ signal }) => {
      const params = { query: { audit_id: auditId, limit: 100 } };
      const page = await answer(api.GET("/v1/exports", { params, signal }));
      return page.data;
    },
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => !ENDED.has(status)) ? SOON : false),
  });

export interface Wish {
  format: Format;
  splits: Split[] | null;
  changeHeldOut: number | null;
}

export const begin = (auditId: string, { format, splits, changeHeldOut }: Wish, key: string): Promise<Export> =>
  answer(
    api.POST("/v1/exports", {
      params: { header: { "idempotency-key": key } },
      body: { audit_id: auditId, format, splits, change_held_out: changeHeldOut },
    }),
  );

export const cancel = (id: string): Promise<Export> =>
  answer(api.POST("/v1/exports/{export_id}/cancel", { params: { path: { export_id: id } } }));

export const remove = (id: string) =>
  api.DELETE("/v1/exports/{export_id}", { params: { path: { export_id: id }, query: { force: true } } });

/** What a new version of a dataset would be, as things are decided now. */
export const planQuery = (datasetId: string) =>
  queryOptions({
    queryKey: ["version-plan", datasetId],
    queryFn: async ({ signal }) => {
      const params = { path: { dataset_id: datasetId }, query: { dry_run: true } };
      const plan = await answer(api.POST("/v1/datasets/{dataset_id}/versions", { params, body: {}, signal }));
      if (!("reviews" in plan)) throw new Error("The service made a version where it should have told of one.");
      return plan;
    },
    staleTime: 0,
  });

export async function makeVersion(datasetId: string, body: Schemas["NewVersion"], key: string): Promise<Dataset> {
  const params = { path: { dataset_id: datasetId }, header: { "idempotency-key": key } };
  const made = await answer(api.POST("/v1/datasets/{dataset_id}/versions", { params, body }));
  if (!("id" in made)) throw new Error("The service told of a version instead of making it.");
  return made;
}
