import type { Schemas } from "../api/client";
import { Problem } from "../api/problem";

/** What a person may choose of an audit, as it stands in the form, and the request that it comes to. */
export type Request = Schemas["NewAudit"];
export type Recipe = Request["recipe"] | "budget";
export type Flags = "best" | "precision" | "review";
export type Split = "train" | "val" | "test";

export interface Form {
  readonly recipe: Recipe;
  readonly budgetMin: string;
  readonly flags: Flags;
  readonly precision: string; // %
  readonly review: string;
  readonly splits: readonly Split[]; // none: by default
  readonly seed: string;
  readonly epochs: string;
  readonly network: string;
  readonly weights: string;
  readonly maxH: string;
}

export const EMPTY: Form = {
  recipe: "auto",
  budgetMin: "10",
  flags: "best",
  precision: "90",
  review: "200",
  splits: [],
  seed: "",
  epochs: "",
  network: "",
  weights: "",
  maxH: "",
};

export type Field = keyof Form;
export type Faults = Partial<Record<Field | "form", string>>;

interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly whole?: boolean;
}

const BOUNDS: Partial<Record<Field, Bounds>> = {
  budgetMin: { low: 0.1, high: 43_200 },
  precision: { low: 50, high: 99.9 },
  review: { low: 1, high: 2 ** 31 - 1, whole: true },
  seed: { low: 0, high: 2 ** 31 - 1, whole: true },
  epochs: { low: 2, high: 2000, whole: true },
  maxH: { low: 0.001, high: 8760 },
};

/** The request of a form, or what is wrong with it. */
export function requestOf(dataset: string, form: Form): { request: Request } | { faults: Faults } {
  const faults: Faults = {};
  const number = (field: "budgetMin" | "precision" | "review" | "seed" | "epochs" | "maxH", counts = true) => {
    const said = form[field].trim().replace(",", ".");
    const bounds = BOUNDS[field];
    if (!counts || !bounds || said === "") {
      if (counts && said === "" && (field === "budgetMin" || field === "precision" || field === "review"))
        faults[field] = "Give a number.";
      return null;
    }
    const value = Number(said);
    const fault = outside(value, bounds);
    if (fault) faults[field] = fault;
    return fault ? null : value;
  };
  const budget = number("budgetMin", form.recipe === "budget");
  const precision = number("precision", form.flags === "precision");
  const review = number("review", form.flags === "review");
  const [seed, epochs, hours] = [number("seed"), number("epochs", form.recipe !== "budget"), number("maxH")];
  if (Object.keys(faults).length > 0) return { faults };
  const request: Request = {
    dataset_id: dataset,
    recipe: form.recipe === "budget" ? "auto" : form.recipe,
    ...(budget === null ? {} : { budget_s: Math.max(5, Math.round(budget * 60)) }),
    ...(precision === null ? {} : { target_precision: +(precision / 100).toFixed(5) }),
    ...(review === null ? {} : { review_budget: review }),
    ...(form.splits.length === 0 ? {} : { splits: [...form.splits] }),
    ...(seed === null ? {} : { seed }),
    ...(epochs === null ? {} : { epochs }),
    ...(form.network.trim() === "" ? {} : { network: form.network.trim() }),
    ...(form.weights.trim() === "" ? {} : { weights: form.weights.trim() }),
    ...(hours === null ? {} : { max_s: Math.round(hours * 3600) }),
  };
  return { request };
}

function outside(value: number, { low, high, whole }: Bounds): string | null {
  if (!Number.isFinite(value)) return "That is not a number.";
  if (whole && !Number.isInteger(value)) return "Give a whole number.";
  if (value < low || value > high) return `Give a number from ${low} to ${high}.`;
  return null;
}

const FIELDS: Readonly<Record<string, Field>> = {
  recipe: "recipe",
  budget_s: "budgetMin",
  target_precision: "precision",
  review_budget: "review",
  splits: "splits",
  seed: "seed",
  epochs: "epochs",
  network: "network",
  weights: "weights",
  max_s: "maxH",
};

const CODES: Readonly<Record<string, Field>> = {
  "no-samples": "splits",
  "unknown-network": "network",
  "network-needed": "network",
  "weights-needed": "weights",
  "weights-unavailable": "weights",
  "weights-unreadable": "weights",
  "weights-mismatch": "weights",
};

/** What the service refused, at the fields that it is about; the rest at the form. */
export function faultsOf(error: unknown): Faults {
  if (!(error instanceof Problem)) return {};
  const field = CODES[error.code];
  if (field) return { [field]: error.detail };
  const faults: Faults = {};
  const told = error.body["errors"];
  for (const one of Array.isArray(told) ? told : []) {
    const { pointer, detail } = one as { pointer?: unknown; detail?: unknown };
    const name = FIELDS[String(pointer).split("/")[1] ?? ""] ?? "form";
    faults[name] = [faults[name], String(detail)].filter(Boolean).join(" ");
  }
  return Object.keys(faults).length > 0 ? faults : { form: error.detail };
}
