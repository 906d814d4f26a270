import { isRefusal, told } from "../api/problem";
import { storageOf } from "../ui/stored";
import { deliver, isAboutAll, type Standing } from "./delivery";
import { inOrder, type Kept, type Saying, together } from "./kept";
import { PREFIX, Shelf } from "./shelf";

export interface Refused {
  id: string;
  why: string;
  kept: Kept | null; // what cannot be read is nobody's
}
export interface State {
  waiting: number;
  trouble: string | null; // why what waits could not be sent
  refused: readonly Refused[];
  lasts: boolean; // whether what waits outlives the page
}

const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];
const LATER_MS = 10_000; // for which another tab has time to send what it kept
const UNREADABLE = "It cannot be read as a decision.";

type Written = (audit: string, standing: Standing[], said: Saying[]) => void;
type LetGo = (kept: Kept[]) => void;

/**
 * Decisions on their way to the service.
 *
 * Each is kept in `localStorage`, under a key of its own, before anything else happens, and removed when the service has
 * said that it is written. So a reload, a crash or a lost connection costs none, tabs do not get in each other's way, and
 * what is sent twice is written once, for its id is made here. What the service refuses is set aside, and stays until a
 * person lets go of it; the others go on.
 */
export class Outbox {
  #waiting = new Map<string, Kept>();
  #refused = new Map<string, Refused>();
  #listeners = new Set<() => void>();
  #written = new Set<Written>();
  #letGo = new Set<LetGo>();
  #sending = false;
  #failures = 0;
  #trouble: string | null = null;
  #last = 0; // when the last one was said
  #timer: ReturnType<typeof setTimeout> | undefined;
  #later: ReturnType<typeof setTimeout> | undefined;
  #state: State;

  constructor(
    private readonly shelf = new Shelf(storageOf("browser")),
    private readonly delivered = deliver,
  ) {
    this.#state = { waiting: 0, trouble: null, refused: [], lasts: shelf.lasts };
    this.#takeUp();
  }

  /** Keep a decision, and send it as soon as that can be done. Without room it throws, and nothing is done. */
  add(said: Omit<Kept, "at">): Kept {
    const kept = { ...said, at: Math.max(Date.now(), this.#last + 0.001) }; // in order, also when the clock is set
    this.shelf.put(kept);
    this.#last = kept.at;
    this.#waiting.set(kept.saying.id, kept);
    this.#tell();
    void this.send();
    return kept;
  }

  /** What of an audit has not been written yet, in the order in which it was said. */
  of(audit: string): Kept[] {
    return inOrder(this.#waiting.values()).filter((kept) => kept.audit === audit);
  }

  /** Send what waits, now. */
  async send(): Promise<void> {
    if (this.#sending || this.#waiting.size === 0) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      while (this.#waiting.size > 0) await this.#send(together(inOrder(this.#waiting.values())));
    } catch (error) {
      this.#trouble = told(error);
      const pause = PAUSES_MS[Math.min(this.#failures++, PAUSES_MS.length - 1)];
      this.#timer = setTimeout(() => void this.send(), pause);
    } finally {
      this.#sending = false;
      this.#tell();
    }
  }

  /** Let go of decisions that the service refused; of how many. */
  discard(ids: readonly string[]): number {
    const found = ids.filter((id) => this.#refused.has(id));
    for (const id of found) this.shelf.drop(id);
    this.#forget(found);
    return found.length;
  }

  readonly state = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  onWritten(written: Written): () => void {
    this.#written.add(written);
    return () => this.#written.delete(written);
  }

  /** Tells of decisions that were refused and are not kept any more. */
  onLetGo(letGo: LetGo): () => void {
    this.#letGo.add(letGo);
    return () => this.#letGo.delete(letGo);
  }

  /** Another tab kept a decision, or removed one. What it has not sent in time, because it was closed, we send. */
  readonly hear = ({ key, newValue }: Pick<StorageEvent, "key" | "newValue">): void => {
    if (!key?.startsWith(PREFIX)) return;
    if (newValue === null) this.#forget([key.slice(PREFIX.length)]);
    else this.#later ??= setTimeout(this.#sendTheirs, LATER_MS);
  };

  readonly #sendTheirs = (): void => {
    this.#later = undefined;
    this.#takeUp();
    void this.send();
  };

  #takeUp(): void {
    for (const { id, kept } of this.shelf.all()) {
      if (this.#waiting.has(id) || this.#refused.has(id)) continue;
      if (kept === null) this.#refused.set(id, { id, why: UNREADABLE, kept });
      else this.#waiting.set(id, kept);
      this.#last = Math.max(this.#last, kept?.at ?? 0);
    }
    this.#tell();
  }

  /** One that is refused does not take its neighbours with it: halves are sent until it is alone. */
  async #send(some: Kept[]): Promise<void> {
    try {
      this.#isWritten(some, await this.delivered(some));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (some.length === 1 || isAboutAll(error)) return this.#refuse(some, error.detail);
      const half = some.length >> 1;
      await this.#send(some.slice(0, half));
      await this.#send(some.slice(half));
    }
  }

  #isWritten(some: Kept[], standing: Standing[]): void {
    this.#failures = 0;
    this.#trouble = null;
    const said = some.map((kept) => kept.saying);
    for (const { id } of said) {
      this.shelf.drop(id);
      this.#waiting.delete(id);
    }
    for (const written of this.#written) written(some[0]?.audit ?? "", standing, said);
    this.#tell();
  }

  #refuse(some: Kept[], why: string): void {
    for (const kept of some) {
      this.#waiting.delete(kept.saying.id);
      this.#refused.set(kept.saying.id, { id: kept.saying.id, why, kept });
    }
    this.#tell();
  }

  #forget(ids: readonly string[]): void {
    const gone = ids.flatMap((id) => this.#refused.get(id) ?? []);
    if (gone.length === 0) return;
    for (const { id } of gone) this.#refused.delete(id);
    const kept = gone.flatMap((one) => one.kept ?? []);
    for (const letGo of this.#letGo) letGo(kept);
    this.#tell();
  }

  #tell(): void {
    this.#state = {
      waiting: this.#waiting.size,
      trouble: this.#trouble,
      refused: [...this.#refused.values()],
      lasts: this.shelf.lasts,
    };
    for (const listener of this.#listeners) listener();
  }
}

export const outbox = new Outbox();
window.addEventListener("online", () => void outbox.send());
window.addEventListener("storage", outbox.hear);
window.addEventListener("beforeunload", (event) => {
  const { lasts, waiting, refused } = outbox.state();
  if (!lasts && waiting + refused.length > 0) event.preventDefault(); // it would be gone: ask
});
void outbox.send();
