import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { count } from "../ui/format";
import { Button } from "../ui/parts";
import { type Choices, type Filter, toggled } from "./place";
import { facetsQuery } from "./queue";
import { ScoreFacet } from "./score-facet";

const SHORT = 8; // values of a facet that are shown at first
const YES_NO = { true: "yes", false: "no" } as const;

/** What the list can be narrowed to, with how many samples each choice would leave. */
export function Facets({
  auditId,
  choices,
  onChoose,
  blind,
}: {
  auditId: string;
  choices: Choices;
  onChoose: (choices: Choices) => void;
  blind: boolean;
}) {
  const { data } = useQuery(facetsQuery(auditId, choices));
  const chosen = Object.keys(choices).length > 0;
  const facet = (
    title: string,
    name: Filter,
    values: { value: string; count: number }[] | undefined,
    names?: Record<string, string>,
  ) => (
    <Facet
      title={title}
      values={values ?? []}
      names={names}
      chosen={choices[name]}
      onChoose={(value) => onChoose(toggled(choices, name, value))}
    />
  );
  const judged = data && [
    { value: "false", count: data.undecided },
    { value: "true", count: data.decision.reduce((sum, one) => sum + one.count, 0) },
  ];
  return (
    <aside className="facets" aria-label="Filters">
      <div className="facets-head">
        <strong>{data ? count(data.total) : "…"}</strong> <span className="muted">samples</span>
        {chosen && (
          <Button small kind="quiet" onClick={() => onChoose({})}>
            Clear filters
          </Button>
        )}
      </div>
      {facet("Judged", "decided", judged, { true: "judged", false: "not judged yet" })}
      {!blind && facet("Decision", "decision", data?.decision)}
      {!blind && facet("Reviewers differ", "disputed", data?.disputed, YES_NO)}
      {!blind && facet("Flagged", "is_issue", data?.is_issue, YES_NO)}
      {!blind && facet("Verdict", "verdict", data?.verdict)}
      {!blind && data && <ScoreFacet bins={data.score} choices={choices} onChoose={onChoose} />}
      {facet("Given label", "given", data?.given)}
      {!blind && facet("Suggested label", "suggested", data?.suggested)}
      {!blind && facet("Reason", "reason", data?.reason)}
      {facet("Split", "split", data?.split)}
      {!blind && facet("Same image, other label", "conflict", data?.conflict, YES_NO)}
      <PathFacet
        key={choices.contains ?? ""}
        value={choices.contains ?? ""}
        onChoose={(value) =>
          onChoose(value ? { ...choices, contains: value } : toggled(choices, "contains", choices.contains ?? ""))
        }
      />
    </aside>
  );
}

function Facet({
  title,
  values,
  names,
  chosen,
  onChoose,
}: {
  title: string;
  values: { value: string; count: number }[];
  names: Record<string, string> | undefined;
  chosen: string | undefined;
  onChoose: (value: string) => void;
}) {
  const [open, setOpen] = useState(false);
  const [wanted, setWanted] = useState("");
  if (values.length === 0 && chosen === undefined) return null;
  if (names && values.length < 2 && chosen === undefined) return null;
  const listed = names ? values : [...values].sort((one, other) => other.count - one.count);
  const fitting = listed.filter(({ value }) => value.toLowerCase().includes(wanted.toLowerCase()));
  const shown = open ? fitting : fitting.slice(0, SHORT);
  if (chosen !== undefined && !shown.some(({ value }) => value === chosen)) shown.unshift({ value: chosen, count: 0 });
  return (
    <fieldset className="facet">
      <legend>{title}</legend>
      {open && listed.length > SHORT && (
        <input aria-label={`Find in ${title}`} value={wanted} onChange={(event) => setWanted(event.target.value)} />
      )}
      {shown.map(({ value, count: samples }) => (
        <button
          key={value}
          type="button"
          className="facet-choice"
          aria-pressed={value === chosen}
          onClick={() => onChoose(value)}
        >
          <span className="choice-name">{names?.[value] ?? (value === "" ? "(empty)" : value)}</span>
          <span className="choice-count">{count(samples)}</span>
        </button>
      ))}
      {listed.length > SHORT && (
        <Button small kind="quiet" onClick={() => setOpen(!open)} aria-expanded={open}>
          {open ? "Fewer" : `All ${count(listed.length)}`}
        </Button>
      )}
    </fieldset>
  );
}

function PathFacet({ value, onChoose }: { value: string; onChoose: (value: string) => void }) {
  const [text, setText] = useState(value);
  return (
    <form
      className="facet"
      onSubmit={(event) => {
        event.preventDefault();
        onChoose(text.trim());
      }}
    >
      <label>
        <span className="legend">Path contains</span>
        <input
          value={text}
          maxLength={200}
          onChange={(event) => setText(event.target.value)}
          onBlur={() => text.trim() !== value && onChoose(text.trim())}
        />
      </label>
    </form>
  );
}
