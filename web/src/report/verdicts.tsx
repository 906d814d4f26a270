import { Link } from "wouter";
import type { Summary } from "../api/queries";
import { count, percent } from "../ui/format";
import { Card, type Verdict, VerdictBadge } from "../ui/parts";
import { reviewAddress } from "./address";

const MEANINGS: Record<Verdict, string> = {
  wrong: "another class is likelier",
  ambiguous: "two labels fit",
  alien: "no class fits",
  hard: "right, but difficult",
  clean: "right",
};
const ORDER = Object.keys(MEANINGS) as Verdict[];

/** How many samples got which verdict. */
export function Verdicts({ auditId, summary }: { auditId: string; summary: Summary }) {
  return (
    <Card title="Verdicts">
      <table className="verdicts">
        <caption className="unseen">Samples by verdict</caption>
        <thead className="unseen">
          <tr>
            <th scope="col">Verdict</th>
            <th scope="col">Samples</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {ORDER.map((verdict) => {
            const n = summary.verdicts[verdict] ?? 0;
            const share = summary.samples > 0 ? n / summary.samples : 0;
            return (
              <tr key={verdict}>
                <th scope="row">
                  <VerdictBadge verdict={verdict} /> <span className="meaning">{MEANINGS[verdict]}</span>
                </th>
                <td className="number">
                  {n > 0 ? <Link href={reviewAddress(auditId, { verdict })}>{count(n)}</Link> : "0"}
                </td>
                <td className="bar-cell">
                  {n > 0 && (
                    <span
                      className={`verdict-bar verdict-${verdict}`}
                      style={{ width: `${share * 100}%` }}
                      aria-hidden="true"
                    />
                  )}
                  <span className="unseen">{percent(share)}</span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}
