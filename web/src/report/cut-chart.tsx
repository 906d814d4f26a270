import { useMemo } from "react";
import { Area, CartesianGrid, ComposedChart, Line, ReferenceLine, ResponsiveContainer, XAxis, YAxis } from "recharts";
import { count } from "../ui/format";
import { CutHandle } from "./cut-handle";
import { type Cuts, ticks } from "./cut-points";

const share = (value: number) => `${Math.round(value * 100)} %`;
const around = (range: { low: number; high: number } | null) => (range ? [range.low, range.high] : null);

/** Expected precision and recall along the list, each with its interval, and the cut upon them. */
export function CutChart({ cuts, at, onMove }: { cuts: Cuts; at: number; onMove: (at: number) => void }) {
  const { points, current } = cuts;
  const most = points.at(-1)?.flagged ?? 1;
  const data = useMemo(
    () =>
      points.map(({ flagged, precision, recall }) => ({
        flagged,
        precision: precision.estimate,
        recall: recall?.estimate ?? null,
        precisionRange: around(precision),
        recallRange: around(recall),
      })),
    [points],
  );
  return (
    <figure>
      <figcaption className="row cut-legend">
        <Key kind="precision">precision: share of these that is wrong</Key>
        <Key kind="recall">recall: share of all wrong labels that is among these</Key>
        <span className="muted">Bands hold the truth with 95 %.</span>
      </figcaption>
      <div className="cut-plot">
        <div className="cut-picture" aria-hidden="true">
          <ResponsiveContainer width="100%" height="100%">
            <ComposedChart data={data} margin={{ top: 18, right: 20, bottom: 0, left: 0 }} accessibilityLayer={false}>
              <CartesianGrid stroke="var(--line)" vertical={false} />
              <XAxis
                dataKey="flagged"
                type="number"
                scale="sqrt"
                domain={[0, most]}
                ticks={ticks(most)}
                interval={0}
                height={30}
                tickFormatter={count}
                stroke="var(--muted)"
              />
              <YAxis
                domain={[0, 1]}
                ticks={[0, 0.25, 0.5, 0.75, 1]}
                width={50}
                tickFormatter={share}
                stroke="var(--muted)"
              />
              <Area
                dataKey="precisionRange"
                stroke="none"
                fill="var(--calm)"
                fillOpacity={0.2}
                isAnimationActive={false}
              />
              <Area
                dataKey="recallRange"
                stroke="none"
                fill="var(--warn)"
                fillOpacity={0.2}
                isAnimationActive={false}
              />
              <Line dataKey="precision" stroke="var(--calm)" strokeWidth={2} dot={false} isAnimationActive={false} />
              <Line
                dataKey="recall"
                stroke="var(--warn)"
                strokeWidth={2}
                strokeDasharray="6 4"
                dot={false}
                isAnimationActive={false}
              />
              {current.flagged > 0 && (
                <ReferenceLine
                  x={current.flagged}
                  stroke="var(--muted)"
                  strokeDasharray="2 3"
                  label={{ value: "the audit's cut", position: "top", fill: "var(--muted)", fontSize: 12 }}
                />
              )}
            </ComposedChart>
          </ResponsiveContainer>
        </div>
        <CutHandle points={points} at={at} onMove={onMove} />
      </div>
    </figure>
  );
}

function Key({ kind, children }: { kind: "precision" | "recall"; children: string }) {
  return (
    <span className="cut-key">
      <span className={`cut-line ${kind}`} aria-hidden="true" /> {children}
    </span>
  );
}
