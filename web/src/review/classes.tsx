import type { Evidence } from "../api/queries";
import { probability } from "../ui/format";

export const DIGITS = 9;
const FEW = 30;

/**
 * The classes that can be chosen at once, the first ones by a digit: the likeliest ones. Where that would lead, `all`
 * classes of the dataset, if they are few: which ones of many are likely says as much as their order.
 */
export function offered(
  row: Pick<Evidence, "top" | "given_label" | "suggested_label">,
  all: readonly string[] | null,
): { label: string; p: number | null }[] {
  if (all !== null) return all.length > FEW ? [] : all.map((label) => ({ label, p: null }));
  const top: { label: string; p: number | null }[] = [...(row.top ?? [])];
  for (const label of [row.suggested_label, row.given_label])
    if (label !== null && !top.some((one) => one.label === label)) top.push({ label, p: null });
  return top.slice(0, DIGITS);
}

export function Classes({
  row,
  all,
  chosen,
  onChoose,
}: {
  row: Evidence;
  all: readonly string[] | null;
  chosen: string | null;
  onChoose: (label: string) => void;
}) {
  const classes = offered(row, all);
  if (classes.length === 0) return null;
  return (
    <section>
      <h3>{all ? "Classes" : "Classes by likelihood"}</h3>
      <ol className="classes">
        {classes.map(({ label, p }, k) => (
          <li key={label}>
            <button type="button" className="class" aria-pressed={label === chosen} onClick={() => onChoose(label)}>
              {k < DIGITS && <kbd>{k + 1}</kbd>}
              <span className="class-name">
                {label === "" ? "(empty)" : label}
                {label === row.given_label && <span className="badge">given</span>}
                {!all && label === row.suggested_label && <span className="badge calm">suggested</span>}
              </span>
              {p !== null && (
                <>
                  <meter min={0} max={1} value={p} aria-label={`likelihood of ${label}`} />
                  <span className="number">{probability(p)}</span>
                </>
              )}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
