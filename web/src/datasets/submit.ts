import { answer, api } from "../api/client";
import { Problem } from "../api/problem";
import type { Dataset } from "../api/queries";
import { pause } from "./pause";
import { passes } from "./tus";

const AGAIN_MS = 3000;

/** Make a dataset of an upload that is whole; a service that is away is asked again, until the signal says otherwise. */
export async function submit(
  upload: string,
  name: string,
  signal: AbortSignal,
  told: { onAsked: () => void; onWaiting: (why: Problem) => void },
): Promise<Dataset> {
  while (true) {
    signal.throwIfAborted();
    told.onAsked();
    try {
      return await submitted(upload, name, signal);
    } catch (error) {
      if (!(error instanceof Problem) || !(error.retryable || (error.code === "unknown" && passes(error)))) throw error;
      told.onWaiting(error);
      await pause(AGAIN_MS, signal);
    }
  }
}

/** Asked twice, after an answer was lost, it is the same dataset. */
async function submitted(upload: string, name: string, signal: AbortSignal): Promise<Dataset> {
  try {
    const params = { header: { "idempotency-key": `upload-${upload}` } };
    return await answer(api.POST("/v1/datasets", { params, body: { upload_id: upload, name }, signal }));
  } catch (error) {
    const id = error instanceof Problem && error.code === "upload-used" ? error.body["dataset_id"] : null;
    if (typeof id !== "string") throw error;
    return await answer(api.GET("/v1/datasets/{dataset_id}", { params: { path: { dataset_id: id } }, signal }));
  }
}
