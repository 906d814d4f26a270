import { CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { percent } from "../ui/format";
import { Card } from "../ui/parts";
import type { Epoch } from "./story";

/** How the network learns, epoch by epoch, while it does. */
export function Epochs({ epochs, planned }: { epochs: readonly Epoch[]; planned: number | null }) {
  const last = epochs.at(-1);
  if (!last) return null;
  const held = epochs.some((epoch) => epoch.held !== null);
  return (
    <Card title="How it learns">
      <p>{sentence(last, planned)}</p>
      <div className="epoch-charts" aria-hidden="true">
        <figure>
          <figcaption className="muted">Loss</figcaption>
          <Chart epochs={epochs} planned={planned} lines={["loss"]} format={(value) => value.toPrecision(2)} />
        </figure>
        <figure>
          <figcaption className="muted">
            {held ? "Accuracy: — held-out split, ┄ given labels" : "Agreement with the given labels"}
          </figcaption>
          <Chart
            epochs={epochs}
            planned={planned}
            lines={held ? ["held", "train"] : ["train"]}
            format={(value) => percent(value, 0)}
            share
          />
        </figure>
      </div>
    </Card>
  );
}

function sentence({ epoch, loss, train, held }: Epoch, planned: number | null): string {
  const parts = [
    loss === null ? null : `a loss of ${loss.toPrecision(3)}`,
    held === null ? null : `an accuracy of ${percent(held)} on the held-out split`,
    train === null ? null : `agrees with ${percent(train)} of the given labels`,
  ].filter(Boolean);
  return `After epoch ${epoch}${planned === null ? "" : ` of ${planned}`}: ${parts.join(", ")}.`;
}

/** How many epochs a chart shows: not all at once, for then the first of them would be a dot in a corner. */
const reach = (done: number, planned: number | null): number => Math.min(planned ?? done, Math.max(10, 2 * done));

function Chart({
  epochs,
  planned,
  lines,
  format,
  share,
}: {
  epochs: readonly Epoch[];
  planned: number | null;
  lines: readonly ("loss" | "train" | "held")[];
  format: (value: number) => string;
  share?: boolean;
}) {
  return (
    <div className="epoch-chart">
      <ResponsiveContainer>
        <LineChart accessibilityLayer={false} data={[...epochs]} margin={{ top: 6, right: 10, bottom: 0, left: 0 }}>
          <CartesianGrid vertical={false} className="epoch-grid" />
          <XAxis
            dataKey="epoch"
            type="number"
            domain={[1, reach(epochs.at(-1)?.epoch ?? 1, planned)]}
            allowDecimals={false}
            tick={{ fontSize: 12 }}
          />
          <YAxis width={46} domain={share ? [0, 1] : [0, "auto"]} tickFormatter={format} tick={{ fontSize: 12 }} />
          <Tooltip content={({ payload }) => <Tip of={payload?.[0]?.payload} />} />
          {lines.map((line) => (
            <Line
              key={line}
              dataKey={line}
              className={`epoch-line ${line}`}
              dot={epochs.length < 3}
              strokeWidth={2}
              connectNulls
              isAnimationActive={false}
            />
          ))}
        </LineChart>
      </ResponsiveContainer>
    </div>
  );
}

function Tip({ of }: { of: Epoch | undefined }) {
  return of ? <div className="tip">{sentence(of, null)}</div> : null;
}
