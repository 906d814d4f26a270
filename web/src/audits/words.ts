import { duration } from "../ui/format";

/** What was asked of an audit, in a line: only what differs from the default. */
export function asked(spec: Readonly<Record<string, unknown>>): string {
  const number = (key: string) => (typeof spec[key] === "number" ? (spec[key] as number) : null);
  const [budget, precision, review, epochs, seed] = [
    number("budget_s"),
    number("target_precision"),
    number("review_budget"),
    number("epochs"),
    number("seed"),
  ];
  const said = [
    spec["recipe"] && spec["recipe"] !== "auto" ? String(spec["recipe"]) : null,
    budget === null ? null : `within ${duration(budget)}`,
    precision === null ? null : `${+(100 * precision).toFixed(1)} % of flags right`,
    review === null ? null : `flags ${review}`,
    typeof spec["network"] === "string" ? spec["network"] : null,
    typeof spec["weights"] === "string" ? `from ${spec["weights"]}` : null,
    epochs === null ? null : `${epochs} epochs`,
    Array.isArray(spec["splits"]) ? spec["splits"].join(" and ") : null,
    seed ? `seed ${seed}` : null,
  ].filter(Boolean);
  return said.length > 0 ? said.join(", ") : "automatic";
}
