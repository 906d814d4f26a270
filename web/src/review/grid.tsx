import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Failed } from "../ui/parts";
import type { Judgements } from "./judgements";
import type { Pictures } from "./pictures";
import { useRows } from "./rows";
import { Tile } from "./tile";
import { useLines } from "./use-lines";
import type { Looks } from "./use-looks";

const WORDS = 44; // height of the words under a picture
const GAP = 8;

export interface GridShape {
  columns: number;
  rows: number;
}

interface GridProps {
  auditId: string;
  asOf: number | null;
  ranks: Uint32Array;
  focus: number;
  selected: ReadonlySet<number>;
  judgements: Judgements;
  pictures: Pictures;
  looks: Looks;
  shape: RefObject<GridShape>;
  onPick: (place: number, how: { range: boolean; more: boolean }) => void;
}

/** All samples of the list; only those in sight are there. */
export function Grid(props: GridProps) {
  const { ranks, focus, selected, looks, shape, onPick, pictures } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(1);
  const tileSize = looks.tiles;
  const lineHeight = tileSize + WORDS + GAP;
  const lines = useLines(scroller, Math.ceil(ranks.length / columns), lineHeight);
  const { size, show } = lines;

  useLayoutEffect(() => setColumns(Math.max(1, Math.floor((size.width - GAP) / (tileSize + GAP)))), [size, tileSize]);
  useEffect(() => {
    shape.current = { columns, rows: Math.max(1, Math.floor(size.height / lineHeight)) };
  }, [columns, lineHeight, shape, size]);
  useEffect(() => show(Math.floor(focus / columns)), [columns, focus, show]);

  const first = lines.first * columns;
  const last = Math.min(ranks.length, lines.last * columns);
  const rows = useRows(props.auditId, props.asOf, ranks, first, last);
  const samples = (from: number, to: number) =>
    Array.from({ length: Math.max(0, to - from) }, (_, k) => rows.row(from + k)?.sample ?? -1).filter((n) => n >= 0);
  const seen = samples(lines.seen.first * columns, Math.min(ranks.length, lines.seen.last * columns)).join();
  const beside = samples(first, last).join();
  useEffect(() => {
    if (lines.fast) return; // what is only passed by is not looked at
    void pictures.want(numbers(seen)).then(() => pictures.want(numbers(beside)));
  }, [beside, lines.fast, pictures, seen]);
  const pick = useCallback<GridProps["onPick"]>(
    (place, how) => {
      scroller.current?.focus({ preventScroll: true });
      onPick(place, how);
    },
    [onPick],
  );

  return (
    <div
      ref={scroller}
      className="grid"
      role="listbox"
      aria-label="Samples"
      aria-multiselectable="true"
      aria-activedescendant={focus >= first && focus < last ? `place-${focus}` : undefined}
      tabIndex={0}
    >
      {rows.error && <Failed error={rows.error} again={rows.again} />}
      <div className="grid-all" role="presentation" style={{ height: lines.height }}>
        {Array.from({ length: lines.last - lines.first }, (_, k) => lines.first + k).map((line) => (
          <div
            key={line}
            role="presentation"
            className="grid-line"
            style={{
              transform: `translateY(${line * lineHeight + lines.shift}px)`,
              gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
              height: lineHeight,
            }}
          >
            {Array.from({ length: Math.min(columns, ranks.length - line * columns) }, (_, k) => {
              const place = line * columns + k;
              return (
                <Tile
                  key={place}
                  id={`place-${place}`}
                  row={rows.row(place)}
                  place={place}
                  length={ranks.length}
                  judgements={props.judgements}
                  pictures={pictures}
                  focused={place === focus}
                  selected={selected.has(place)}
                  looks={looks}
                  asSharpened={props.asOf !== null}
                  onPick={pick}
                />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

const numbers = (listed: string): number[] => (listed === "" ? [] : listed.split(",").map(Number));
