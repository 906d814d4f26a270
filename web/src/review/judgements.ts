import type { Judgement, Review } from "../api/queries";
import type { Kept } from "./kept";
import { outbox } from "./outbox";

/**
 * What counts of each sample, as far as it is newer than the rows that are shown: what was just decided here, what the
 * service answered to that, and what others said meanwhile. `null` says that a sample has no decision any more.
 */
export class Judgements {
  #newer = new Map<number, { judgement: Judgement | null; turn: number }>();
  #listeners = new Set<() => void>();
  #turn = 0;

  of(sample: number, row: Judgement | null): Judgement | null {
    const newer = this.#newer.get(sample);
    return newer === undefined ? row : newer.judgement;
  }

  set(sample: number, judgement: Judgement | null): void {
    this.#newer.set(sample, { judgement, turn: ++this.#turn });
    this.#tell();
  }

  /** The turn of what was set last: whatever is asked for now knows all up to it. */
  get now(): number {
    return this.#turn;
  }

  /** What the service said when it was asked in that turn; what was set later is newer. */
  learn(sample: number, judgement: Judgement | null, turn: number): void {
    if ((this.#newer.get(sample)?.turn ?? 0) <= turn) this.set(sample, judgement);
  }

  /** Rows were asked for in that turn: they are as new as what was set up to it. */
  forget(turn: number): void {
    for (const [sample, newer] of this.#newer) if (newer.turn <= turn) this.#newer.delete(sample);
    this.#tell();
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

/** The samples of which others said something, and who they are. */
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
