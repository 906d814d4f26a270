import { memo, useSyncExternalStore } from "react";
import type { Suspect } from "../api/queries";
import { probability } from "../ui/format";
import { VerdictBadge } from "../ui/parts";
import type { Judgements } from "./judgements";
import { BROKEN, type Pictures } from "./pictures";
import { useJudgement } from "./use-judgement";
import type { Looks } from "./use-looks";

const SIGNS = { keep: "✓ keep", relabel: "→", exclude: "✕ exclude", unsure: "? unsure" } as const;

export interface TileProps {
  row: Suspect | undefined;
  place: number;
  length: number;
  id: string;
  judgements: Judgements;
  pictures: Pictures;
  focused: boolean;
  selected: boolean;
  looks: Looks;
  asSharpened: boolean;
  onPick: (place: number, how: { range: boolean; more: boolean }) => void;
}

/** One sample: its picture, given → suggested, how likely it is wrong, and what was decided. */
export const Tile = memo(function Tile(props: TileProps) {
  const { row, place, id, judgements, pictures, focused, selected, looks } = props;
  const judgement = useJudgement(judgements, row, looks.only);
  const picture = useSyncExternalStore(pictures.subscribe, () => (row ? pictures.of(row.sample) : undefined));
  return (
    <button
      type="button"
      role="option"
      id={id}
      tabIndex={-1}
      aria-selected={selected}
      aria-posinset={place + 1}
      aria-setsize={props.length}
      data-sample={row?.sample}
      className="tile"
      data-focused={focused || undefined}
      data-decision={judgement?.decision}
      onMouseDown={(event) => event.preventDefault()} // the list keeps the focus
      onClick={(event) => props.onPick(place, { range: event.shiftKey, more: event.ctrlKey || event.metaKey })}
    >
      <span className="tile-picture">
        {picture === BROKEN && <span className="muted">no picture</span>}
        {picture && <img src={picture} alt="" decoding="async" draggable={false} />}
        {judgement && (
          <span className={`decision decision-${judgement.decision}`}>
            {SIGNS[judgement.decision]}
            {judgement.decision === "relabel" && ` ${judgement.label}`}
            {judgement.disputed && !looks.blind && " ⚑"}
          </span>
        )}
      </span>
      {row ? (
        <Words row={row} blind={looks.blind} asSharpened={props.asSharpened} />
      ) : (
        <span className="tile-words unseen">loading</span>
      )}
    </button>
  );
});

function Words({ row, blind, asSharpened }: { row: Suspect; blind: boolean; asSharpened: boolean }) {
  const p = asSharpened ? (row.sharpened ?? row.score) : row.score;
  return (
    <span className="tile-words">
      <span
        className="tile-labels"
        title={blind ? row.given_label : `${row.given_label} → ${row.suggested_label ?? "nothing"}`}
      >
        <span className="unseen">labelled </span>
        <b>{row.given_label}</b>
        {!blind && row.suggested_label !== null && (
          <>
            {" → "}
            <span className="unseen">suggested </span>
            {row.suggested_label}
          </>
        )}
      </span>
      {!blind && (
        <span className="tile-evidence">
          <span title="Probability that the given label is wrong">
            {probability(p)} <span className="unseen">likely wrong</span>
          </span>
          <VerdictBadge verdict={row.verdict} />
        </span>
      )}
    </span>
  );
}
