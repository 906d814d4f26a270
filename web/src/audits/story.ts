import type { Schemas } from "../api/client";

/** What an audit's events come to: a point for each epoch, and what else happened, in order. */
export interface Happened {
  readonly id: number;
  readonly type: string;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Noise = Schemas["NoiseSoFar"];

export interface Epoch {
  readonly epoch: number;
  readonly loss: number | null;
  readonly train: number | null;
  readonly held: number | null;
  readonly noise: Noise | null;
}

export interface Note {
  readonly id: number;
  readonly at: string;
  readonly text: string;
}

export interface Story {
  readonly last: number;
  readonly epochs: readonly Epoch[];
  readonly notes: readonly Note[];
}

export const NOTHING: Story = { last: 0, epochs: [], notes: [] };
export const TYPES = [
  "state",
  "epoch",
  "plan",
  "counts",
  "resumed",
  "waiting",
  "went-on",
  "out-of-memory",
  "checkpoint-unusable",
  "fewer-processes",
] as const;

/** The story with one more event. What was heard before, as after a lost line, changes nothing. */
export function heard(story: Story, event: Happened): Story {
  if (event.id <= story.last) return story;
  const text = words(event);
  const notes = text === null ? story.notes : [...story.notes, { id: event.id, at: event.at, text }];
  return { last: event.id, notes, epochs: event.type === "epoch" ? withEpoch(story.epochs, event) : story.epochs };
}

/** An attempt that goes on from a checkpoint does some epochs again: what came last counts. */
function withEpoch(epochs: readonly Epoch[], { data }: Happened): readonly Epoch[] {
  const number = (key: string) => (typeof data[key] === "number" ? (data[key] as number) : null);
  const epoch = number("epoch");
  if (epoch === null) return epochs;
  const point = {
    epoch,
    loss: number("train_loss"),
    train: number("train_accuracy"),
    held: number("test_accuracy"),
    noise: asNoise(data["noise"]),
  };
  return [...epochs.filter((one) => one.epoch < epoch), point];
}

/** The share of wrong labels that an epoch tells; audits of before told none. */
function asNoise(told: unknown): Noise | null {
  if (typeof told !== "object" || told === null) return null;
  const { estimate, low, high } = told as Partial<Record<keyof Noise, unknown>>;
  return typeof estimate === "number" && typeof low === "number" && typeof high === "number"
    ? { estimate, low, high }
    : null;
}

function words({ type, data }: Happened): string | null {
  const said = (key: string) => (data[key] === undefined || data[key] === null ? "" : String(data[key]));
  switch (type) {
    case "state":
      return ofState(said("status"), said("reason"), Number(data["attempt"] ?? 1));
    case "resumed":
      return Number(data["epoch"]) > 0 ? `Goes on after epoch ${said("epoch")}, where it was saved.` : null;
    case "waiting":
      return said("detail") || `It waits: ${said("code")}.`;
    case "went-on":
      return `It goes on after waiting ${said("waited_s")} s.`;
    case "out-of-memory":
      return said("then") === "smaller"
        ? "The device's memory was too small: it goes on with fewer images at once, which may change the last digits."
        : "The device's memory was too small for a moment; the step is done again.";
    case "checkpoint-unusable":
      return "A saved state could not be used; an earlier one is.";
    case "fewer-processes":
      return "A process was lost; it goes on with fewer.";
    default:
      return null;
  }
}

function ofState(status: string, reason: string, attempt: number): string | null {
  if (status === "running")
    return attempt > 1 ? `A worker took it on, for the ${ordinal(attempt)} time.` : "A worker took it on.";
  if (status === "paused") return "Paused.";
  if (status === "queued") {
    if (reason === "resumed") return "Resumed: it waits for a worker.";
    if (reason === "released") return "Its worker gave it back; another goes on with it.";
    return reason ? `Back in the line: ${reason}.` : "Queued.";
  }
  return null;
}

const ordinal = (n: number): string => ["first", "second", "third", "fourth", "fifth"][n - 1] ?? `${n}th`;

export const isOver = ({ type, data }: Happened): boolean =>
  type === "state" && ["succeeded", "failed", "cancelled"].includes(String(data["status"]));
