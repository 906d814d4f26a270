import { api, type Schemas } from "../api/client";
import { Problem } from "../api/problem";

/**
 * Decisions on their way to the service.
 *
 * Each is kept in `localStorage`, under a key of its own, before anything else happens, and removed when the service has
 * said that it is written. So a reload, a crash or a lost connection costs none, tabs do not get in each other's way, and
 * what is sent twice is written once, for its id is made here.
 */
export type Saying = Schemas["Saying"];
export type Source = Schemas["Sayings"]["source"];
export interface Kept {
  audit: string;
  reviewer: string;
  source: Source;
  at: number;
  saying: Saying;
}
export type State =
  | { kind: "saved" }
  | { kind: "saving"; waiting: number }
  | { kind: "offline"; waiting: number }
  | { kind: "refused"; waiting: number; why: string };

const PREFIX = "labelaudit.outbox.";
const AT_ONCE = 1000;
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];

export type Standing = Schemas["JudgementOut"];
type Written = (audit: string, standing: Standing[], said: Saying[]) => void;

export class Outbox {
  #waiting = new Map<string, Kept>();
  #listeners = new Set<() => void>();
  #written = new Set<Written>();
  #sending = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: State = { kind: "saved" };

  constructor(private readonly store: Storage = localStorage) {
    for (let k = 0; k < store.length; k++) {
      const key = store.key(k);
      const text = key?.startsWith(PREFIX) ? store.getItem(key) : null;
      if (!key || !text) continue;
      const kept = JSON.parse(text) as Kept;
      this.#waiting.set(kept.saying.id, kept);
    }
    if (this.#waiting.size > 0) this.#tell();
  }

  /** Keep a decision, and send it as soon as that can be done. */
  add(kept: Kept): void {
    this.store.setItem(PREFIX + kept.saying.id, JSON.stringify(kept)); // without room it throws, and nothing is shown as done
    this.#waiting.set(kept.saying.id, kept);
    this.#tell();
    void this.send();
  }

  /** What of an audit has not been written yet, in the order in which it was said. */
  of(audit: string): Kept[] {
    return [...this.#waiting.values()].filter((kept) => kept.audit === audit).sort((one, other) => one.at - other.at);
  }

  /** Send what waits, now. */
  async send(): Promise<void> {
    if (this.#sending || this.#waiting.size === 0) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      while (this.#waiting.size > 0) await this.#sendSome();
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#sending = false;
      this.#tell();
    }
  }

  /** Forget what the service refuses for good, once a person has read why. */
  discard(): void {
    for (const id of this.#waiting.keys()) this.store.removeItem(PREFIX + id);
    this.#waiting.clear();
    this.#state = { kind: "saved" };
    this.#tell();
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

  async #sendSome(): Promise<void> {
    const oldest = [...this.#waiting.values()].sort((one, other) => one.at - other.at);
    const first = oldest[0];
    if (!first) return;
    // One request speaks for one person about one audit, in order.
    const alike = (kept: Kept) =>
      kept.audit === first.audit && kept.reviewer === first.reviewer && kept.source === first.source;
    const end = oldest.findIndex((kept) => !alike(kept));
    const some = oldest.slice(0, Math.min(AT_ONCE, end < 0 ? oldest.length : end));
    const { data } = await api.POST("/v1/audits/{audit_id}/reviews", {
      params: { path: { audit_id: first.audit } },
      body: { reviewer: first.reviewer, source: first.source, reviews: some.map((kept) => kept.saying) },
    });
    for (const { saying } of some) {
      this.store.removeItem(PREFIX + saying.id);
      this.#waiting.delete(saying.id);
    }
    for (const written of this.#written)
      written(
        first.audit,
        data?.standing ?? [],
        some.map((kept) => kept.saying),
      );
    this.#tell();
  }

  #failed(error: unknown): void {
    const lasting = error instanceof Problem && !error.retryable && error.status >= 400 && error.status < 500;
    if (lasting && error.status !== 401) {
      this.#state = { kind: "refused", waiting: this.#waiting.size, why: error.detail };
      return;
    }
    const pause = PAUSES_MS[Math.min(this.#failures++, PAUSES_MS.length - 1)];
    this.#timer = setTimeout(() => void this.send(), pause);
  }

  #tell(): void {
    const waiting = this.#waiting.size;
    if (waiting === 0) this.#state = { kind: "saved" };
    else if (this.#state.kind !== "refused" || this.#sending)
      this.#state = this.#failures > 0 ? { kind: "offline", waiting } : { kind: "saving", waiting };
    for (const listener of this.#listeners) listener();
  }
}

export const outbox = new Outbox();
window.addEventListener("online", () => void outbox.send());
void outbox.send();
