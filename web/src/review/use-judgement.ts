import { useSyncExternalStore } from "react";
import type { Judgement, Suspect } from "../api/queries";
import type { Judgements } from "./judgements";

/** What counts of a row now. */
export function useJudgement(judgements: Judgements, row: Suspect | undefined): Judgement | null {
  return useSyncExternalStore(judgements.subscribe, () => (row ? judgements.of(row.sample, row.judgement) : null));
}
