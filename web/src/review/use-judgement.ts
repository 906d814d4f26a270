import { useSyncExternalStore } from "react";
import type { Judgement, Suspect } from "../api/queries";
import type { Judgements } from "./judgements";

/** What counts of a row now; what others decided is not shown where `only` one person's decisions are. */
export function useJudgement(judgements: Judgements, row: Suspect | undefined, only: string | null): Judgement | null {
  const judgement = useSyncExternalStore(judgements.subscribe, () =>
    row ? judgements.of(row.sample, row.judgement) : null,
  );
  return only === null || judgement?.reviewer === only ? judgement : null;
}
