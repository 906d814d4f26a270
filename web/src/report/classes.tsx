import { type SortingState, useTable } from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { count, plural } from "../ui/format";
import { Button, Card } from "../ui/parts";
import { columnsOf, features, type OfClass } from "./class-columns";

const FEW = 12;
const AT_ONCE = 100;
const ARROWS = { asc: "↑", desc: "↓" } as const;
const SAID = { asc: "ascending", desc: "descending" } as const;

/** Every class with its flags and its share of wrong labels. */
export function Classes({ auditId, classes }: { auditId: string; classes: readonly OfClass[] }) {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(AT_ONCE);
  const [sorting, setSorting] = useState<SortingState>([{ id: "flagged", desc: true }]);
  const columns = useMemo(() => columnsOf(auditId, Math.max(0, ...classes.map((one) => one.high))), [auditId, classes]);
  const data = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return wanted ? classes.filter(({ label }) => label.toLowerCase().includes(wanted)) : classes;
  }, [search, classes]);
  const table = useTable({
    features,
    columns,
    data,
    state: { sorting },
    onSortingChange: setSorting,
    enableSortingRemoval: false,
    enableMultiSort: false,
  });
  const rows = table.getRowModel().rows;
  return (
    <Card
      title="Classes"
      extra={
        classes.length > FEW && (
          <label className="row">
            <span className="muted">Find a class</span>
            <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
          </label>
        )
      }
    >
      <div className="wide-table">
        <table className="class-table">
          <caption className="unseen">Classes with their flags; the intervals hold the truth with 95 %</caption>
          <thead>
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id}>
                {group.headers.map((header) => {
                  const sorted = header.column.getIsSorted();
                  return (
                    <th key={header.id} scope="col" aria-sort={sorted ? SAID[sorted] : "none"} data-column={header.id}>
                      <button type="button" className="sorter" onClick={() => header.column.toggleSorting()}>
                        <table.FlexRender header={header} />
                        <span aria-hidden="true">{sorted ? ARROWS[sorted] : "↕"}</span>
                      </button>
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <tr key={row.id}>
                {row.getAllCells().map((cell) => (
                  <td key={cell.id} data-column={cell.column.id}>
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <p className="muted">No class has “{search.trim()}” in its name.</p>}
      {rows.length > shown && (
        <p>
          <Button small onClick={() => setShown(shown + AT_ONCE)}>
            Show {count(Math.min(AT_ONCE, rows.length - shown))} more of {plural(rows.length, "class", "classes")}
          </Button>
        </p>
      )}
    </Card>
  );
}
