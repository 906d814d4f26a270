/** Who styles an element of a class: all styles are loaded together, so a class of one screen also changes another's. */
interface Rule {
  readonly folder: string;
  readonly selector: string;
}

const SHARED = "styles";

/** The classes of the elements that a selector is about, which stand in its last part. */
export function subjects(selector: string): string[] {
  const last = withoutArguments(selector)
    .trim()
    .split(/[\s>+~]+/)
    .at(-1);
  return [...(last ?? "").matchAll(/\.([\w-]+)/g)].map(([, name]) => name ?? "");
}

/** The selectors of a style sheet, those within media queries too. */
export function selectors(css: string): string[] {
  const heads = css.replace(/\/\*[\s\S]*?\*\//g, "").matchAll(/([^{};]+)\{/g);
  return [...heads]
    .map(([, head]) => (head ?? "").trim())
    .filter((head) => !head.startsWith("@"))
    .flatMap((head) => head.split(/,(?![^(]*\))/))
    .map((one) => one.trim());
}

/** Classes that are not one screen's own: styled by two folders, or shared and changed where a screen did not say that it
 * is within something of its own. */
export function collisions(sheets: readonly (readonly [folder: string, css: string])[]): string[] {
  const rules = new Map<string, Rule[]>();
  for (const [folder, css] of sheets)
    for (const selector of selectors(css))
      for (const name of subjects(selector)) rules.set(name, [...(rules.get(name) ?? []), { folder, selector }]);
  const found: string[] = [];
  for (const [name, of] of rules) {
    const shared = of.some(({ folder }) => folder === SHARED);
    const own = of.filter(({ folder }) => folder !== SHARED);
    const wrong = shared ? own.filter(({ selector }) => !isWithin(selector)) : own;
    if (shared ? wrong.length > 0 : new Set(own.map(({ folder }) => folder)).size > 1)
      found.push(`.${name}: ${wrong.map(({ folder, selector }) => `${folder} (${selector})`).join(", ")}`);
  }
  return found;
}

const isWithin = (selector: string) => /\.[\w-]+[^\s>+~]*[\s>+~]/.test(withoutArguments(selector).trim());

const withoutArguments = (selector: string) => selector.replace(/\([^)]*\)/g, "");
