import { useState } from "react";
import { Link } from "wouter";
import { count } from "../ui/format";
import { Button } from "../ui/parts";
import { reviewAddress } from "./address";
import type { Measure, MixUp } from "./pairs";

const AT_ONCE = 25;

/** The most frequent mix-ups where there are too many classes for a table of all. */
export function PairList({ auditId, found, measure }: { auditId: string; found: readonly MixUp[]; measure: Measure }) {
  const [shown, setShown] = useState(AT_ONCE);
  const sorted = found.toSorted((one, two) => two[measure] - one[measure]);
  return (
    <>
      <div className="wide-table">
        <table className="pairs">
          <thead>
            <tr>
              <th scope="col">Given → suggested</th>
              <th scope="col" className="number">
                Flagged
              </th>
              <th scope="col" className="number">
                Expected
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, shown).map(({ given, other, flagged, expected }) => (
              <tr key={JSON.stringify([given, other])}>
                <td>
                  <Link
                    className="wrapping"
                    href={reviewAddress(auditId, {
                      given,
                      suggested: other,
                      ...(flagged > 0 ? { is_issue: true } : {}),
                    })}
                  >
                    <bdi>{given}</bdi> → <bdi>{other}</bdi>
                  </Link>
                </td>
                <td className="number">{count(flagged)}</td>
                <td className="number">{count(expected)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sorted.length > shown && (
        <p>
          <Button small onClick={() => setShown(shown + AT_ONCE)}>
            Show {count(Math.min(AT_ONCE, sorted.length - shown))} more of {count(sorted.length)}
          </Button>
        </p>
      )}
    </>
  );
}
