import type { Judgement, Review } from "../api/queries";
import type { Kept } from "./kept";
import { outbox } from "./outbox";

/**
 * What counts of each sample, as far as it is newer than the rows that are shown: what was just decided here, what the
 * service answered to that, and what others said meanwhile. `null` says that a sample has no decision any more.
 */
export class Judgements {
  #newer = new Map<number, Judgement | null>();
  #listeners = new Set<() => void>();

  of(sample: number, row: Judgement | null): Judgement | null {
    const newer = this.#newer.get(sample);
    return newer === undefined ? row : newer;
  }

  set(sample: number, judgement: Judgement | null): void {
    this.#newer.set(sample, judgement);
    this.#tell();
  }

  setAll(standing: Judgement[]): void {
    for (const judgement of standing) this.#newer.set(judgement.sample, judgement);
    this.#tell();
  }

  /** Rows were fetched anew: what they say is as new as anything here. */
  forgetAll(): void {
    this.#newer.clear();
    this.#tell();
  }

  get size(): number {
    return this.#newer.size;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What a decision looks like before the service has numbered it. */
export function expected(kept: Kept): Judgement | null {
  const { saying } = kept;
  if (!saying.decision) return null;
  return {
    sample: saying.sample,
    decision: saying.decision,
    label: saying.label ?? null,
    reviewer: kept.reviewer,
    source: kept.source,
    at: new Date(kept.at).toISOString(),
    seq: 0,
    disputed: false,
  };
}

/** The samples of which others said something, and the number of the last thing said. */
export function changedBy(reviews: Review[], mine: ReadonlySet<string>): { samples: number[]; reviewers: string[] } {
  const others = reviews.filter((review) => !mine.has(review.id));
  return {
    samples: [...new Set(others.map((review) => review.sample))],
    reviewers: [...new Set(others.map((review) => review.reviewer))],
  };
}

/** The store of one audit; what waits to be sent counts already. */
export function judgementsOf(auditId: string): Judgements {
  const made = new Judgements();
  for (const kept of outbox.of(auditId)) made.set(kept.saying.sample, expected(kept));
  return made;
}
