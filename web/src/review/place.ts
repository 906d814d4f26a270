import type { Source } from "./kept";

/** What is looked at, as the address of the page says it: so a reload, a link and the back button lead to the same list. */

export const ORDERS = ["rank", "random", "sharpened"] as const;
export type Order = (typeof ORDERS)[number];

/** The filters of the list, by the names that the service gives them. */
export const FILTERS = [
  "given",
  "suggested",
  "verdict",
  "reason",
  "is_issue",
  "conflict",
  "decision",
  "decided",
  "disputed",
  "split",
  "score_from",
  "score_to",
  "contains",
] as const;
export type Filter = (typeof FILTERS)[number];
export type Choices = Partial<Record<Filter, string>>;

export interface Place {
  choices: Choices;
  order: Order;
  /** The number of the last review that a sharpened order counts with. */
  asOf: number | null;
  sample: number | null;
}

/** What a random sample is of. The service takes it so where nothing is chosen; here it is said. */
export const SAMPLED: Choices = { is_issue: "false", decided: "false" };

export function placeOf(search: URLSearchParams): Place {
  const choices: Choices = {};
  for (const name of FILTERS) {
    const value = search.get(name);
    if (value !== null && value !== "") choices[name] = value;
  }
  const asOf = numberOf(search.get("as_of"));
  const order = ORDERS.find((known) => known === search.get("order")) ?? "rank";
  return {
    choices: order === "random" && Object.keys(choices).length === 0 ? SAMPLED : choices,
    order: order === "sharpened" && asOf === null ? "rank" : order,
    asOf: order === "sharpened" ? asOf : null,
    sample: numberOf(search.get("sample")),
  };
}

/** The same as a query; what is not chosen is not there. */
export function searchOf(place: Place): URLSearchParams {
  const search = listOf(place);
  if (place.sample !== null) search.set("sample", String(place.sample));
  return search;
}

/** The same list in another order. A random sample is of what has no flag and is not judged, and only of that. */
export function ordered({ choices, order: before }: Place, order: Order, last: number): Partial<Place> {
  const sampled = order === "random" ? { ...choices, ...SAMPLED } : before === "random" ? without(choices) : choices;
  return { choices: sampled, order, asOf: order === "sharpened" ? last : null };
}

/** Other choices; where none is left a random sample ends too. */
export function chosen({ order, asOf }: Place, choices: Choices): Partial<Place> {
  const all = order === "random" && Object.keys(choices).length === 0;
  return all ? { choices, order: "rank", asOf: null } : { choices, order, asOf };
}

const without = (choices: Choices): Choices =>
  Object.fromEntries(Object.entries(choices).filter(([name, value]) => SAMPLED[name as Filter] !== value));

/** How its samples come to be looked at: of a part of them chance says nothing about all that has no flag. */
export function sourceOf({ order, choices }: Place, blind: boolean): Source {
  const honest = order === "random" && choicesOf(choices).toString() === choicesOf(SAMPLED).toString();
  return honest ? "random" : blind ? "blind" : "list";
}

/** What determines the list alone: the query of the service's `queue`. */
export function listOf({ choices, order, asOf }: Pick<Place, "choices" | "order" | "asOf">): URLSearchParams {
  const search = choicesOf(choices);
  if (order !== "rank") search.set("order", order);
  if (order === "sharpened" && asOf !== null) search.set("as_of", String(asOf));
  return search;
}

export function choicesOf(choices: Choices): URLSearchParams {
  const search = new URLSearchParams();
  for (const name of FILTERS) {
    const value = choices[name];
    if (value !== undefined) search.set(name, value);
  }
  return search;
}

/** The same choices as the body of a bulk decision has them. */
export function bodyOf(choices: Choices): Record<string, string | boolean | number> {
  const body: Record<string, string | boolean | number> = {};
  for (const [name, value] of Object.entries(choices)) {
    if (value === "true" || value === "false") body[name] = value === "true";
    else if (name === "score_from" || name === "score_to") body[name] = Number(value);
    else body[name] = value;
  }
  // A class may be called "true".
  for (const name of ["given", "suggested", "contains", "split"] as const) {
    const value = choices[name];
    if (value !== undefined) body[name] = value;
  }
  return body;
}

/** Choose a value of a filter; choosing what is chosen lets go of it. */
export function toggled(choices: Choices, name: Filter, value: string): Choices {
  const { [name]: before, ...rest } = choices;
  return before === value ? rest : { ...rest, [name]: value };
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : null;
}
