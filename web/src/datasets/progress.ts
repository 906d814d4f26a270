import type { Dataset } from "../api/queries";

/** How far the reading of a dataset is, as far as the service says. */
export interface Reading {
  readonly phase: string;
  readonly share: number | null;
  readonly etaS: number | null;
  readonly perS: number | null;
  readonly waiting: string | null;
}

const PHASES: Record<string, string> = {
  queued: "Waits for a worker",
  fetching: "Being fetched",
  preparing: "Being read: every image is decoded",
  storing: "Being written down",
};

export function progressOf({ progress, status }: Pick<Dataset, "progress" | "status">): Reading {
  const phase = status === "received" ? "queued" : (progress?.phase ?? "preparing");
  const percent = progress?.percent ?? null;
  return {
    phase: PHASES[phase] ?? "Being read",
    share: percent === null ? null : percent / 100,
    etaS: progress?.eta_s ?? null,
    perS: progress?.images_per_s ?? null,
    waiting: progress?.waiting ?? null,
  };
}
