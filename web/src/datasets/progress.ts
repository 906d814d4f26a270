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
  const number = (key: string) => (typeof progress?.[key] === "number" ? (progress[key] as number) : null);
  const percent = number("percent");
  const phase = status === "received" ? "queued" : String(progress?.["phase"] ?? "preparing");
  const waiting = progress?.["waiting"];
  return {
    phase: PHASES[phase] ?? "Being read",
    share: percent === null ? null : percent / 100,
    etaS: number("eta_s"),
    perS: number("images_per_s"),
    waiting: typeof waiting === "string" ? waiting : null,
  };
}
