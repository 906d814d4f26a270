/** Where the review of an audit shows what fits some choices. */
export function reviewAddress(
  audit: string,
  choices: Readonly<Record<string, string | number | boolean>> = {},
): string {
  const chosen = new URLSearchParams(Object.entries(choices).map(([name, value]) => [name, String(value)]));
  return `/audits/${audit}/review${chosen.size > 0 ? `?${chosen}` : ""}`;
}
