import { answer, api } from "../api/client";
import { Problem, told } from "../api/problem";
import type { Dataset } from "../api/queries";
import { type Chosen, datasetName } from "./chosen";
import { fingerprint } from "./fingerprint";
import { remaining, type Seen, seen, speed } from "./pace";
import { giveUp, send } from "./tus";
import { begin, begun, forget } from "./unfinished";

/** The uploads of this tab. They go on while a person looks at other screens. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly state: "looking" | "sending" | "waiting" | "paused" | "checking" | "done" | "failed";
  readonly speed: number | null;
  readonly remainingS: number | null;
  readonly why: string | null;
  readonly again: boolean; // whether trying again may help
  readonly resumed: boolean;
  readonly dataset: Dataset | null;
}

interface Work {
  readonly chosen: Chosen;
  fingerprint: string;
  stop: AbortController;
  looks: Seen[];
}

const AGAIN_MS = 3000;

export class Uploads {
  #all: readonly Upload[] = [];
  #work = new Map<string, Work>();
  #listeners = new Set<() => void>();
  #last = 0;

  readonly all = (): readonly Upload[] => this.#all;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Whether leaving the page would interrupt one. */
  busy = (): boolean => this.#all.some(({ state }) => ["looking", "sending", "waiting", "checking"].includes(state));

  add(chosen: Chosen): void {
    const id = String(++this.#last);
    const { name, size } = chosen.source;
    this.#work.set(id, { chosen, fingerprint: "", stop: new AbortController(), looks: [] });
    const fresh = { speed: null, remainingS: null, why: null, again: true, resumed: false, dataset: null };
    this.#set([{ id, name, size, sent: 0, state: "looking", ...fresh }, ...this.#all]);
    void this.#run(id);
  }

  pause(id: string): void {
    this.#work.get(id)?.stop.abort();
    this.#change(id, { state: "paused", speed: null, remainingS: null, why: null });
  }

  /** Go on, or try again. */
  resume(id: string): void {
    const work = this.#work.get(id);
    if (!work) return;
    work.stop = new AbortController();
    work.looks = [];
    this.#change(id, { state: "looking", why: null });
    void this.#run(id);
  }

  /** Stop it, and remove what the service has of it. */
  cancel(id: string): void {
    const work = this.#work.get(id);
    work?.stop.abort();
    const address = work && begun()[work.fingerprint]?.address;
    if (work) forget(work.fingerprint);
    if (address) void giveUp(address).catch(() => {}); // what nobody goes on with expires there by itself
    this.dismiss(id);
  }

  dismiss(id: string): void {
    this.#work.delete(id);
    this.#set(this.#all.filter((upload) => upload.id !== id));
  }

  /** A dataset that was deleted is nothing to look at. */
  forgetDataset(id: string): void {
    for (const upload of this.#all) if (upload.dataset?.id === id) this.dismiss(upload.id);
  }

  async #run(id: string): Promise<void> {
    const work = this.#work.get(id);
    if (!work) return;
    const { signal } = work.stop;
    try {
      work.fingerprint ||= await fingerprint(work.chosen.source, work.chosen.modified);
      if (this.#twice(id, work)) return this.dismiss(id);
      const upload = await this.#sent(id, work, signal);
      this.#change(id, { state: "checking", sent: work.chosen.source.size, speed: null, remainingS: null, why: null });
      const dataset = await this.#submitted(id, upload, work, signal);
      forget(work.fingerprint);
      if (!signal.aborted) this.#change(id, { state: "done", dataset });
    } catch (error) {
      if (signal.aborted) return;
      // An archive that the service cannot read stays so, however often it is sent.
      const again = !(error instanceof Problem && [413, 415, 422].includes(error.status));
      if (!again) this.#refused(work.fingerprint);
      this.#change(id, { again, state: "failed", speed: null, remainingS: null, why: words(error) });
    }
  }

  /** Whether the same is being sent already: two would only get into each other's way. */
  #twice(id: string, work: Work): boolean {
    const others = this.#all.filter((upload) => upload.id !== id && upload.state !== "done");
    return others.some((upload) => this.#work.get(upload.id)?.fingerprint === work.fingerprint);
  }

  async #sent(id: string, work: Work, signal: AbortSignal): Promise<string> {
    const { source } = work.chosen;
    if (source.size === 0) throw new Problem("empty", "The file is empty. Choose one with images.", 422, false);
    const known = begun()[work.fingerprint];
    if (known) this.#change(id, { resumed: true });
    return await send(source, {
      signal,
      address: known?.address,
      onAddress: (address) =>
        begin(work.fingerprint, { address, name: source.name, size: source.size, at: Date.now() }),
      onSent: (sent) => {
        work.looks = seen(work.looks, { at: performance.now(), done: sent });
        const remainingS = remaining(work.looks, source.size);
        if (!signal.aborted)
          this.#change(id, { state: "sending", sent, speed: speed(work.looks), remainingS, why: null });
      },
      onWaiting: (problem) => {
        work.looks = [];
        if (!signal.aborted)
          this.#change(id, {
            state: "waiting",
            speed: null,
            remainingS: null,
            why: problem.status ? problem.detail : null,
          });
      },
    });
  }

  /** Make a dataset of it; a service that is away is asked again. */
  async #submitted(id: string, upload: string, work: Work, signal: AbortSignal): Promise<Dataset> {
    while (true) {
      try {
        return await submitted(upload, datasetName(work.chosen.source.name));
      } catch (error) {
        if (signal.aborted || !(error instanceof Problem) || !error.retryable) throw error;
        this.#change(id, { state: "waiting", why: error.status ? error.detail : null });
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  #refused(fingerprint: string): void {
    const address = begun()[fingerprint]?.address;
    forget(fingerprint);
    if (address) void giveUp(address).catch(() => {});
  }

  #change(id: string, values: Partial<Upload>): void {
    this.#set(this.#all.map((upload) => (upload.id === id ? { ...upload, ...values } : upload)));
  }

  #set(all: readonly Upload[]): void {
    this.#all = all;
    for (const listener of this.#listeners) listener();
  }
}

/** A dataset of a finished upload; asked twice, after an answer was lost, it is the same dataset. */
async function submitted(upload: string, name: string): Promise<Dataset> {
  try {
    return await answer(
      api.POST("/v1/datasets", {
        params: { header: { "idempotency-key": `upload-${upload}` } },
        body: { upload_id: upload, name },
      }),
    );
  } catch (error) {
    const id = error instanceof Problem && error.code === "upload-used" ? error.body["dataset_id"] : null;
    if (typeof id !== "string") throw error;
    return await answer(api.GET("/v1/datasets/{dataset_id}", { params: { path: { dataset_id: id } } }));
  }
}

/** What went wrong, with what to do where the service's own words do not say it. */
export function words(error: unknown): string {
  if (!(error instanceof Problem)) return told(error);
  const more: Record<string, string> = {
    "insufficient-storage": "Make room on the service's disk, then try again: what was sent is kept.",
    unauthenticated: "Sign in, then choose the same file again: it goes on where it stopped.",
    "upload-too-large": "Split it into several datasets, or ask for a larger LABELAUDIT_MAX_UPLOAD_BYTES.",
  };
  if (error.status === 413 && error.code === "unknown")
    return "Something before the service, such as a proxy, takes no bodies of this size. Ask for it to be raised.";
  return [error.detail, more[error.code]].filter(Boolean).join(" ");
}

export const uploads = new Uploads();
window.addEventListener("beforeunload", (event) => {
  if (uploads.busy()) event.preventDefault();
});
