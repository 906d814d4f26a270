import type { Problem } from "../api/problem";
import type { Dataset } from "../api/queries";

type State =
  | ("looking" | "queued" | "sending" | "waiting" | "checking") // at work
  | ("paused" | "failed" | "unreadable") // may go on
  | ("done" | "refused"); // over

/** What is shown of an upload. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly state: State;
  readonly speed: number | null;
  readonly remainingS: number | null;
  readonly why: string | null;
  readonly resumed: boolean;
  readonly dataset: Dataset | null;
}

export const AT_WORK: ReadonlySet<State> = new Set(["looking", "queued", "sending", "waiting", "checking"]);

export const STILL = { speed: null, remainingS: null, why: null };

export const waiting = ({ status, detail }: Problem): Partial<Upload> => ({
  ...STILL,
  state: "waiting",
  why: status ? detail : null,
});
