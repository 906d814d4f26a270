import { keepOfTab, ofTab } from "../ui/stored";
import { outbox } from "./outbox";

export type Samples = { id: string; sample: number; rank: number }[];
export type Step = { samples: Samples } | { bulk: string; count: number };

const MOST = 5000; // samples, and those of the step that reaches so far

const sizeOf = (step: Step | undefined): number => (step && "samples" in step ? step.samples.length : 1);

/** What one person can take back of an audit, in this tab: what somebody else did in another is not theirs to undo. */
export class Steps {
  readonly #key: string;

  constructor(auditId: string, reviewer: string) {
    this.#key = `steps.${auditId}.${reviewer}`;
  }

  get last(): Step | undefined {
    return this.#all().at(-1);
  }

  push(step: Step): void {
    this.#keep([...this.#all(), step]);
  }

  pop(): Step | undefined {
    const all = this.#all();
    this.#keep(all.slice(0, -1));
    return all.at(-1);
  }

  /** What was decided of many is taken back, or was never done. */
  dropBulk(id: string): void {
    this.#keep(this.#all().filter((step) => !("bulk" in step && step.bulk === id)));
  }

  /** Decisions that will never be written cannot be taken back. */
  dropSamples(ids: ReadonlySet<string>): void {
    const left = this.#all().map((step) =>
      "bulk" in step ? step : { samples: step.samples.filter(({ id }) => !ids.has(id)) },
    );
    this.#keep(left.filter((step) => "bulk" in step || step.samples.length > 0));
  }

  #all(): Step[] {
    return ofTab<Step[]>(this.#key) ?? [];
  }

  #keep(steps: Step[]): void {
    let from = steps.length;
    for (let room = MOST; from > 0 && room > 0; room -= sizeOf(steps[from])) from--;
    keepOfTab(this.#key, steps.slice(from));
  }
}

outbox.onLetGo((kept) => {
  const ids = new Set(kept.map(({ saying }) => saying.id));
  const theirs = new Map(kept.map(({ audit, reviewer }) => [`${audit} ${reviewer}`, new Steps(audit, reviewer)]));
  for (const steps of theirs.values()) steps.dropSamples(ids);
});
