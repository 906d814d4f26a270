import { useState } from "react";
import {
  CartesianGrid,
  Legend,
  Line,
  LineChart,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";
import type { Evidence } from "../api/queries";

type Curves = NonNullable<Evidence["curves"]>;
const LINES = {
  margin: "margin of the given label",
  rival_gap: "lead of its rival",
  loss: "loss",
} as const;

/** How the sample fared in each epoch of the training. */
export default function Trajectory({ curves }: { auditId: string; curves: Curves }) {
  const [line, setLine] = useState<keyof typeof LINES>("margin");
  const points = curves[line].map((value, epoch) => ({ epoch: epoch + 1, value }));
  const last = points.at(-1)?.value ?? 0;
  return (
    <section>
      <div className="row spread">
        <h3>While the network learned</h3>
        <select
          aria-label="What to draw"
          value={line}
          onChange={(event) => setLine(event.target.value as keyof typeof LINES)}
        >
          {Object.entries(LINES).map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      </div>
      <div
        role="img"
        aria-label={`${LINES[line]} over ${points.length} epochs, ${last.toFixed(2)} at the end`}
        className="chart"
      >
        <ResponsiveContainer width="100%" height={150}>
          <LineChart data={points} margin={{ top: 6, right: 8, bottom: 0, left: -18 }} accessibilityLayer={false}>
            <CartesianGrid stroke="var(--line)" vertical={false} />
            <XAxis dataKey="epoch" stroke="var(--muted)" tick={{ fontSize: 11, fill: "var(--muted)" }} />
            <YAxis stroke="var(--muted)" tick={{ fontSize: 11, fill: "var(--muted)" }} width={48} />
            {line === "margin" && <ReferenceLine y={0} stroke="var(--muted)" strokeDasharray="4 3" />}
            <Tooltip
              contentStyle={{ background: "var(--surface)", borderColor: "var(--line)" }}
              formatter={(value) => Number(value).toFixed(3)}
              labelFormatter={(epoch) => `epoch ${epoch}`}
            />
            <Legend wrapperStyle={{ fontSize: 12 }} />
            <Line
              name="this sample"
              dataKey="value"
              stroke="var(--accent)"
              strokeWidth={2}
              dot={false}
              isAnimationActive={false}
            />
          </LineChart>
        </ResponsiveContainer>
      </div>
    </section>
  );
}
