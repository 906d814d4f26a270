import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Area, CartesianGrid, ComposedChart, Line, ReferenceLine, ResponsiveContainer, XAxis, YAxis } from "recharts";
import type { Evidence } from "../api/queries";
import { COHORTS, type CohortName, ends, type Line as LineName, points } from "./bands";
import { cohortsQuery } from "./queue";

const LINES: Readonly<Record<LineName, string>> = {
  margin: "margin of the given label",
  rival_gap: "lead of its rival",
  loss: "loss",
};
const BANDS: Readonly<Record<CohortName, { words: string; ink: string; dashes: string }>> = {
  clean: { words: "✓ clean", ink: "var(--good)", dashes: "0" },
  hard: { words: "◇ hard", ink: "var(--calm)", dashes: "5 3" },
  wrong: { words: "✕ planted wrong", ink: "var(--bad)", dashes: "1 3" },
};

/** How the sample fared in each epoch, over where the middle half of clean, hard and planted wrong labels was. */
export default function Trajectory({ auditId, curves }: { auditId: string; curves: NonNullable<Evidence["curves"]> }) {
  const [line, setLine] = useState<LineName>("margin");
  const cohorts = useQuery(cohortsQuery(auditId)).data;
  const drawn = points(curves, cohorts, line);
  const among = ends(drawn).map((name) => BANDS[name].words.slice(2));
  const words = `${LINES[line]} over ${drawn.length} epochs, ${(drawn.at(-1)?.value ?? 0).toFixed(2)} at the end`;
  return (
    <section>
      <div className="row spread">
        <h3>While the network learned</h3>
        <select
          aria-label="What to draw"
          value={line}
          onChange={(event) => {
            setLine(event.target.value as LineName);
            event.target.blur();
          }}
        >
          {Object.entries(LINES).map(([name, said]) => (
            <option key={name} value={name}>
              {said}
            </option>
          ))}
        </select>
      </div>
      <div role="img" aria-label={among.length > 0 ? `${words}, as with labels that are ${among.join(" or ")}` : words}>
        <ResponsiveContainer width="100%" height={150}>
          <ComposedChart data={drawn} margin={{ top: 6, right: 8, bottom: 0, left: -18 }} accessibilityLayer={false}>
            <CartesianGrid stroke="var(--line)" vertical={false} />
            <XAxis dataKey="epoch" stroke="var(--muted)" tick={{ fontSize: 11, fill: "var(--muted)" }} />
            <YAxis stroke="var(--muted)" tick={{ fontSize: 11, fill: "var(--muted)" }} width={48} />
            {line === "margin" && <ReferenceLine y={0} stroke="var(--muted)" />}
            {cohorts &&
              COHORTS.map((name) => (
                <Area
                  key={name}
                  dataKey={name}
                  stroke={BANDS[name].ink}
                  strokeDasharray={BANDS[name].dashes}
                  fill={BANDS[name].ink}
                  fillOpacity={0.16}
                  isAnimationActive={false}
                  connectNulls={false}
                />
              ))}
            <Line dataKey="value" stroke="var(--accent)" strokeWidth={2.5} dot={false} isAnimationActive={false} />
          </ComposedChart>
        </ResponsiveContainer>
      </div>
      <p className="bands">
        <span className="band-this">— this sample</span>
        {cohorts &&
          COHORTS.map((name) => (
            <span key={name} className={`band-${name}`}>
              {BANDS[name].words}
            </span>
          ))}
      </p>
    </section>
  );
}
