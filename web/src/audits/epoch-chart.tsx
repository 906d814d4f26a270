import { Area, CartesianGrid, ComposedChart, Line, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { reach, sentence } from "./learning";
import type { Epoch } from "./story";

type Figure = "loss" | "train" | "held" | "noise";

/** Some figures of each epoch as lines; what is only estimated, with the range that it likely lies in. */
export function EpochChart({
  epochs,
  planned,
  lines,
  format,
  upTo,
}: {
  epochs: readonly Epoch[];
  planned: number | null;
  lines: readonly Figure[];
  format: (value: number) => string;
  upTo?: number;
}) {
  return (
    <div className="epoch-chart">
      <ResponsiveContainer>
        <ComposedChart accessibilityLayer={false} data={[...epochs]} margin={{ top: 6, right: 10, bottom: 0, left: 0 }}>
          <CartesianGrid vertical={false} className="epoch-grid" />
          <XAxis
            dataKey="epoch"
            type="number"
            domain={[1, reach(epochs.at(-1)?.epoch ?? 1, planned)]}
            allowDecimals={false}
            tick={{ fontSize: 12 }}
          />
          <YAxis
            width={46}
            domain={[0, upTo ?? "auto"]}
            allowDataOverflow={upTo !== undefined}
            tickFormatter={format}
            tick={{ fontSize: 12 }}
          />
          <Tooltip content={({ payload }) => <Tip of={payload?.[0]?.payload} />} />
          {lines.includes("noise") && (
            <Area className="epoch-range" dataKey={range} stroke="none" dot={false} isAnimationActive={false} />
          )}
          {lines.map((line) => (
            <Line
              key={line}
              dataKey={line === "noise" ? estimate : line}
              className={`epoch-line ${line}`}
              dot={epochs.length < 3}
              strokeWidth={2}
              connectNulls={line !== "noise"}
              isAnimationActive={false}
            />
          ))}
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
}

const estimate = ({ noise }: Epoch): number | null => noise?.estimate ?? null;
const range = ({ noise }: Epoch): [number, number] | null => (noise ? [noise.low, noise.high] : null);

function Tip({ of }: { of: Epoch | undefined }) {
  return of ? <div className="tip">{sentence(of, null)}</div> : null;
}
