import { Problem } from "../api/problem";
import { type Chosen, datasetName } from "./chosen";
import { fingerprint } from "./fingerprint";
import { remaining, type Seen, seen, speed } from "./pace";
import { submit } from "./submit";
import { Tabs } from "./tabs";
import { Turns } from "./turns";
import { idOf, send } from "./tus";
import { abandon, begin, begun, forget, whole } from "./unfinished";
import { AT_WORK, STILL, type Upload, waiting } from "./upload";
import { isRefusal, words } from "./words";

interface Work {
  readonly chosen: Chosen;
  fingerprint: string;
  ours: boolean; // no other tab has it
  stop: AbortController;
  looks: Seen[];
}

const AT_ONCE = 2; // a browser has six lines to a service, and other screens need some

/** The uploads of this tab. They go on while a person looks at other screens. */
export class Uploads {
  #all: readonly Upload[] = [];
  #work = new Map<string, Work>();
  #listeners = new Set<() => void>();
  #last = 0;
  #turns = new Turns(AT_ONCE);
  #tabs = new Tabs(() => [...this.#work.values()].filter(({ ours }) => ours).map((work) => work.fingerprint));

  readonly all = (): readonly Upload[] => this.#all;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Whether leaving the page would interrupt one. */
  busy = (): boolean => this.#all.some(({ state }) => AT_WORK.has(state));

  /** The fingerprints of what other tabs have. */
  elsewhere = (): Promise<ReadonlySet<string>> => this.#tabs.others();

  add(chosen: Chosen): void {
    const id = String(++this.#last);
    const { name, size } = chosen.source;
    this.#work.set(id, { chosen, fingerprint: "", ours: false, stop: new AbortController(), looks: [] });
    this.#set([{ ...STILL, id, name, size, sent: 0, state: "looking", resumed: false, dataset: null }, ...this.#all]);
    void this.#run(id);
  }

  pause(id: string): void {
    this.#work.get(id)?.stop.abort();
    this.#change(id, { ...STILL, state: "paused" });
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
    if (work?.ours) abandon(work.fingerprint);
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
    const { source, modified } = work.chosen;
    try {
      if (source.size === 0) throw new Problem("empty", "The file is empty. Choose one with images.", 422, false);
      work.fingerprint ||= await fingerprint(source, modified);
      signal.throwIfAborted();
      if (this.#twice(id, work)) return this.dismiss(id);
      await this.#claimed(work);
      signal.throwIfAborted();
      if (this.#turns.allTaken) this.#change(id, { state: "queued" });
      const end = await this.#turns.take(signal);
      try {
        await this.#done(id, work, signal);
      } finally {
        end();
      }
    } catch (error) {
      if (!signal.aborted) this.#failed(id, work, error);
    }
  }

  async #done(id: string, work: Work, signal: AbortSignal): Promise<void> {
    const { source } = work.chosen;
    const upload = await this.#sent(id, work, signal);
    const dataset = await submit(upload, datasetName(source.name), signal, {
      onAsked: () => this.#change(id, { ...STILL, state: "checking", sent: source.size }),
      onWaiting: (problem) => this.#change(id, waiting(problem)),
    });
    forget(work.fingerprint);
    work.ours = false;
    this.#change(id, { state: "done", dataset });
  }

  #failed(id: string, work: Work, error: unknown): void {
    const code = error instanceof Problem ? error.code : "";
    const state = isRefusal(error) ? "refused" : code === "file-unreadable" ? "unreadable" : "failed";
    if (state === "refused") abandon(work.fingerprint);
    work.ours = state !== "refused" && work.ours;
    if (code === "upload-expired" || code === "not-found") forget(work.fingerprint); // trying again begins anew
    this.#change(id, { ...STILL, state, why: words(error) });
  }

  /** Whether the same is at work already. What stands still gives way to what was chosen again. */
  #twice(id: string, work: Work): boolean {
    for (const { id: other, name, state } of this.#all) {
      const its = this.#work.get(other);
      if (other === id || !its || state === "done") continue;
      const same = its.fingerprint === work.fingerprint;
      if (same && AT_WORK.has(state)) return true;
      if (same) this.dismiss(other);
      else if (state === "unreadable" && name === work.chosen.source.name) this.cancel(other);
    }
    return false;
  }

  /** Two tabs that send the same would get into each other's way. */
  async #claimed(work: Work): Promise<void> {
    if ((await this.elsewhere()).has(work.fingerprint)) {
      const detail = "Another tab has this upload. Go on there, or close that tab and try again.";
      throw new Problem("upload-elsewhere", detail, 0, false);
    }
    work.ours = true;
  }

  async #sent(id: string, work: Work, signal: AbortSignal): Promise<string> {
    const { source } = work.chosen;
    const known = begun()[work.fingerprint];
    if (known?.whole) return idOf(known.address);
    this.#change(id, { state: "looking", resumed: known !== undefined });
    const upload = await send(source, {
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
        if (!signal.aborted) this.#change(id, waiting(problem));
      },
    });
    whole(work.fingerprint);
    return upload;
  }

  #change(id: string, values: Partial<Upload>): void {
    this.#set(this.#all.map((upload) => (upload.id === id ? { ...upload, ...values } : upload)));
  }

  #set(all: readonly Upload[]): void {
    this.#all = all;
    for (const listener of this.#listeners) listener();
  }
}

export const uploads = new Uploads();
window.addEventListener("beforeunload", (event) => {
  if (uploads.busy()) event.preventDefault();
});
