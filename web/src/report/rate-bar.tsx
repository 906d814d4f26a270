import { percent } from "../ui/format";

/** A share with its interval: a line from the low to the high bound with the estimate marked, and the numbers. */
export function RateBar({ estimate, low, high, most }: { estimate: number; low: number; high: number; most: number }) {
  const at = (share: number) => `${Math.min(100, most > 0 ? (share / most) * 100 : 0)}%`;
  return (
    <span className="rate">
      <span className="rate-numbers">
        {percent(estimate, 1)}{" "}
        <span className="muted">
          ({(low * 100).toFixed(1)}–{(high * 100).toFixed(1)})
        </span>
      </span>
      <span className="rate-track" aria-hidden="true">
        <span className="rate-range" style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
        <span className="rate-mark" style={{ left: at(estimate) }} />
      </span>
    </span>
  );
}
