import type { Evidence } from "../api/queries";
import { probability } from "../ui/format";

/** The classes that can be chosen by a digit, the likeliest first; hidden likelihoods leave them in order of name. */
export function offered(
  row: Pick<Evidence, "top" | "given_label" | "suggested_label">,
  blind: boolean,
): { label: string; p: number | null }[] {
  const top: { label: string; p: number | null }[] = [...(row.top ?? [])];
  for (const label of [row.suggested_label, row.given_label])
    if (label !== null && !top.some((one) => one.label === label)) top.push({ label, p: null });
  if (!blind) return top.slice(0, 9);
  return top
    .slice(0, 9)
    .sort((one, other) => one.label.localeCompare(other.label))
    .map(({ label }) => ({ label, p: null }));
}

export function Classes({
  row,
  blind,
  chosen,
  onChoose,
}: {
  row: Evidence;
  blind: boolean;
  chosen: string | null;
  onChoose: (label: string) => void;
}) {
  return (
    <section>
      <h3>{blind ? "Classes" : "Classes by likelihood"}</h3>
      <ol className="classes">
        {offered(row, blind).map(({ label, p }, k) => (
          <li key={label}>
            <button type="button" className="class" aria-pressed={label === chosen} onClick={() => onChoose(label)}>
              <kbd>{k + 1}</kbd>
              <span className="class-name">
                {label === "" ? "(empty)" : label}
                {label === row.given_label && <span className="badge">given</span>}
                {!blind && label === row.suggested_label && <span className="badge calm">suggested</span>}
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
