import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Failed } from "../ui/parts";
import type { Judgements } from "./judgements";
import { useRows } from "./rows";
import { Tile } from "./tile";

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
  tileSize: number;
  blind: boolean;
  shape: RefObject<GridShape>;
  onPick: (place: number, how: { range: boolean; more: boolean }) => void;
}

/** All samples of the list; only those in sight are there. */
export function Grid(props: GridProps) {
  const { ranks, focus, selected, tileSize, shape } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  const columns = Math.max(1, Math.floor((width - GAP) / (tileSize + GAP)));
  const lines = useVirtualizer({
    count: Math.ceil(ranks.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => tileSize + WORDS + GAP,
    overscan: 2,
  });

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const seen = new ResizeObserver(() => setWidth(element.clientWidth));
    seen.observe(element);
    return () => seen.disconnect();
  }, []);
  useEffect(() => {
    const height = scroller.current?.clientHeight ?? 0;
    shape.current = { columns, rows: Math.max(1, Math.floor(height / (tileSize + WORDS + GAP))) };
  }, [columns, tileSize, shape]);
  useEffect(() => {
    if (focus >= 0) lines.scrollToIndex(Math.floor(focus / columns), { align: "auto" });
  }, [focus, columns, lines]);

  const shown = lines.getVirtualItems();
  const first = (shown[0]?.index ?? 0) * columns;
  const last = Math.min(ranks.length, ((shown.at(-1)?.index ?? -1) + 1) * columns);
  const rows = useRows(props.auditId, props.asOf, ranks, first, last);

  const { onPick } = props;
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
      data-scrolling={lines.isScrolling || undefined}
    >
      {rows.error && <Failed error={rows.error} again={rows.again} />}
      <div className="grid-all" role="presentation" style={{ height: lines.getTotalSize() }}>
        {shown.map((line) => (
          <div
            key={line.key}
            role="presentation"
            className="grid-line"
            style={{
              transform: `translateY(${line.start}px)`,
              gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
              height: tileSize + WORDS + GAP,
            }}
          >
            {Array.from({ length: Math.min(columns, ranks.length - line.index * columns) }, (_, k) => {
              const place = line.index * columns + k;
              return (
                <Tile
                  key={place}
                  id={`place-${place}`}
                  row={rows.row(place)}
                  place={place}
                  length={ranks.length}
                  judgements={props.judgements}
                  focused={place === focus}
                  selected={selected.has(place)}
                  blind={props.blind}
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
