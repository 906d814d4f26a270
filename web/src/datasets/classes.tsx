import { useState } from "react";
import { Area, AreaChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { count, percent, plural } from "../ui/format";
import { Button, Card, Head } from "../ui/parts";
import { type Balance, balance, type Class, classes, type Order, thinned } from "./balance";

const FIRST = 20;
const MORE = 200;
const POINTS = 200;

/** How the images are spread over the classes: a shape when there are many, and every class with its number. */
export function ClassBalance({ counts }: { counts: Readonly<Record<string, number>> }) {
  const [order, setOrder] = useState<Order>("largest");
  const [filter, setFilter] = useState("");
  const [shown, setShown] = useState(FIRST);
  const number = Object.keys(counts).length;
  const told = balance(counts);
  if (!told) return null;
  const rows = classes(counts, order, filter);
  const all = Object.values(counts).reduce((sum, images) => sum + images, 0);
  return (
    <Card title="Classes" extra={<span className="muted">{plural(number, "class", "classes")}</span>}>
      <Told told={told} number={number} />
      {number > FIRST && <Shape sorted={classes(counts, "largest")} />}
      <div className="row">
        {number > FIRST && (
          <label className="inline">
            <span className="muted">Find a class</span>{" "}
            <input type="search" value={filter} onChange={(event) => setFilter(event.target.value)} />
          </label>
        )}
        <label className="inline">
          <span className="muted">Order</span>{" "}
          <select value={order} onChange={(event) => setOrder(event.target.value as Order)}>
            <option value="largest">largest first</option>
            <option value="smallest">smallest first</option>
            <option value="name">by name</option>
          </select>
        </label>
      </div>
      <table className="bars">
        <Head columns={["Class", ["Images", "number"], ["Share", "number"], ""]} />
        <tbody>
          {rows.slice(0, shown).map(({ name, images }) => (
            <tr key={name}>
              <th scope="row" className="path">
                {name}
              </th>
              <td className="number">{count(images)}</td>
              <td className="number">{percent(images / all)}</td>
              <td aria-hidden="true">
                <div className="bar" style={{ width: `${(100 * images) / told.largest.images}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p className="muted">No class is called so.</p>}
      {rows.length > shown && (
        <Button small onClick={() => setShown(shown + MORE)}>
          Show {count(Math.min(MORE, rows.length - shown))} more of {count(rows.length)}
        </Button>
      )}
    </Card>
  );
}

function Told({ told, number }: { told: Balance; number: number }) {
  const { largest, middle, smallest } = told;
  if (number > 1 && largest.images === smallest.images)
    return <p>All classes have the same number of images: {count(largest.images)}.</p>;
  return (
    <p>
      The largest is <b className="path">{largest.name}</b> with {plural(largest.images, "image")}, the smallest{" "}
      <b className="path">{smallest.name}</b> with {count(smallest.images)}; the middle one has {count(middle)}.
    </p>
  );
}

function Shape({ sorted }: { sorted: readonly Class[] }) {
  const points = thinned(sorted, POINTS).map(({ at, point }) => ({ place: at + 1, ...point }));
  return (
    <div className="shape" aria-hidden="true">
      <ResponsiveContainer>
        <AreaChart accessibilityLayer={false} data={points} margin={{ top: 4, right: 8, bottom: 0, left: 0 }}>
          <XAxis dataKey="place" type="number" domain={[1, sorted.length]} tick={{ fontSize: 12 }} />
          <YAxis width={48} tick={{ fontSize: 12 }} />
          <Tooltip content={({ payload }) => <Tip of={payload?.[0]?.payload} />} />
          <Area dataKey="images" type="stepAfter" className="shape-area" isAnimationActive={false} />
        </AreaChart>
      </ResponsiveContainer>
    </div>
  );
}

function Tip({ of }: { of: (Class & { place: number }) | undefined }) {
  if (!of) return null;
  return (
    <div className="tip">
      {count(of.place)}. <span className="path">{of.name}</span>: {plural(of.images, "image")}
    </div>
  );
}
