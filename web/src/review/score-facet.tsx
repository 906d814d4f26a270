import { Bar, BarChart, Cell, XAxis } from "recharts";
import { count, percent } from "../ui/format";
import type { Choices } from "./place";

interface Bin {
  low: number;
  count: number;
}

/** How the probabilities are spread, and the part of them that is looked at. */
export function ScoreFacet({
  bins,
  choices,
  onChoose,
}: {
  bins: Bin[];
  choices: Choices;
  onChoose: (choices: Choices) => void;
}) {
  const from = choices.score_from ?? "";
  const to = choices.score_to ?? "";
  const inside = (bin: Bin) => bin.low >= Number(from || 0) - 1e-9 && bin.low < Number(to || 1.01);
  const choose = (name: "score_from" | "score_to", text: string) => {
    const { [name]: _, ...rest } = choices;
    const value = Number(text) / 100;
    onChoose(text === "" || !(value >= 0 && value <= 1) ? rest : { ...rest, [name]: String(value) });
  };
  const most = Math.max(...bins.map((bin) => bin.count), 1);
  const drawn = bins.map((bin) => ({ ...bin, height: Math.log1p(bin.count) }));
  return (
    <fieldset className="facet">
      <legend>Probability of being wrong</legend>
      <div
        role="img"
        aria-label={`Between ${count(0)} and ${count(most)} samples in ${bins.length} equal steps from 0 to 100 %`}
      >
        <BarChart
          width={196}
          height={54}
          data={drawn}
          margin={{ top: 2, right: 0, bottom: 0, left: 0 }}
          barCategoryGap={1}
          accessibilityLayer={false}
        >
          <XAxis dataKey="low" hide />
          <Bar dataKey="height" isAnimationActive={false}>
            {drawn.map((bin) => (
              <Cell key={bin.low} fill={inside(bin) ? "var(--accent)" : "var(--line)"} />
            ))}
          </Bar>
        </BarChart>
      </div>
      <div className="range">
        <Ends
          key={`from ${from}`}
          name="From, in percent"
          value={from}
          fallback="0"
          onChoose={(text) => choose("score_from", text)}
        />
        <span aria-hidden="true">–</span>
        <Ends
          key={`to ${to}`}
          name="To, in percent"
          value={to}
          fallback="100"
          onChoose={(text) => choose("score_to", text)}
        />
        <span aria-hidden="true">%</span>
      </div>
    </fieldset>
  );
}

function Ends({
  name,
  value,
  fallback,
  onChoose,
}: {
  name: string;
  value: string;
  fallback: string;
  onChoose: (text: string) => void;
}) {
  const shown = value === "" ? "" : percent(Number(value), 1).replace(" %", "").replace(/\.0$/, "");
  return (
    <input
      aria-label={name}
      inputMode="decimal"
      placeholder={fallback}
      defaultValue={shown}
      onBlur={(event) => event.target.value !== shown && onChoose(event.target.value.trim())}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}
