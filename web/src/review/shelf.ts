import type { Kept } from "./kept";

export const PREFIX = "labelaudit.outbox.";

/** Where decisions lie until they are written: in the browser's storage, each under a key of its own. */
export class Shelf {
  constructor(private readonly store: Storage | null) {}

  /** Whether what lies here outlives the page. */
  get lasts(): boolean {
    return this.store !== null;
  }

  /** All that lies here; without `kept` where it cannot be read as a decision. */
  all(): { id: string; kept: Kept | null }[] {
    const keys = Array.from({ length: this.store?.length ?? 0 }, (_, k) => this.store?.key(k) ?? "");
    return keys
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => key.slice(PREFIX.length))
      .map((id) => ({ id, kept: keptIn(this.store?.getItem(PREFIX + id) ?? "", id) }));
  }

  /** Without room it throws. */
  put(kept: Kept): void {
    this.store?.setItem(PREFIX + kept.saying.id, JSON.stringify(kept));
  }

  drop(id: string): void {
    this.store?.removeItem(PREFIX + id);
  }
}

/** Whether a browser had no room for something. */
export const isFull = (error: unknown): boolean => error instanceof DOMException && error.name === "QuotaExceededError";

function keptIn(text: string, id: string): Kept | null {
  try {
    const kept = JSON.parse(text) as Partial<Kept> | null;
    const texts = [kept?.audit, kept?.reviewer, kept?.source];
    const numbers = [kept?.at, kept?.saying?.sample];
    const whole = texts.every((one) => typeof one === "string") && numbers.every((one) => typeof one === "number");
    return whole && kept?.saying?.id === id ? (kept as Kept) : null;
  } catch {
    return null;
  }
}
