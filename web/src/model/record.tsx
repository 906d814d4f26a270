import type { Audit } from "../api/queries";
import { Card } from "../ui/parts";
import { Code } from "./code";
import { Copy } from "./copy";
import { recordRows } from "./record-rows";

/** What determined the result: with the same of all this, the same bits come out again. */
export function RecordCard({ audit }: { audit: Audit }) {
  const rows = recordRows(audit);
  if (rows.length === 0) return null;
  return (
    <Card title="What determined the result">
      <p className="muted">An audit with the same of all this comes to the same bits.</p>
      <div className="wide-table">
        <table className="record">
          <tbody>
            {rows.map(([name, value, kind]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  {kind === "hash" ? (
                    <span className="hash">
                      <code className="path">{value}</code>
                      <Copy text={value} what={name} />
                    </span>
                  ) : (
                    <span className="wrapping">{value}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {audit.plan && <Code text={JSON.stringify(audit.plan, null, 2)} what="the plan as JSON" />}
    </Card>
  );
}
