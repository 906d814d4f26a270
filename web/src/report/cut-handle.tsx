import type { PointerEvent } from "react";
import { useRef } from "react";
import { percent, plural } from "../ui/format";
import { along, type CutPoint, flaggedAt, moved, nearest } from "./cut-points";

/** The cut over the plot: dragged by pointer, moved by the keys of a slider. */
export function CutHandle({
  points,
  at,
  onMove,
}: {
  points: readonly CutPoint[];
  at: number;
  onMove: (at: number) => void;
}) {
  const track = useRef<HTMLDivElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const most = points.at(-1)?.flagged ?? 1;
  const point = points[at];
  if (!point) return null;
  const follow = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (box) onMove(nearest(points, flaggedAt((event.clientX - box.left) / box.width, most)));
  };
  return (
    <div
      ref={track}
      className="cut-track"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.preventDefault();
        slider.current?.focus();
        follow(event);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && follow(event)}
    >
      <div
        ref={slider}
        className="cut-handle"
        role="slider"
        tabIndex={0}
        aria-label="Samples above the cut"
        aria-orientation="horizontal"
        aria-valuemin={points[0]?.flagged ?? 0}
        aria-valuemax={most}
        aria-valuenow={point.flagged}
        aria-valuetext={said(point)}
        style={{ left: `${along(point.flagged, most) * 100}%` }}
        onKeyDown={(event) => {
          const goal = moved(event.key, at, points.length - 1);
          if (goal === null) return;
          event.preventDefault();
          onMove(goal);
        }}
      />
    </div>
  );
}

function said({ flagged, precision, recall }: CutPoint): string {
  const found = recall ? `, recall ${percent(recall.estimate, 0)}` : "";
  return `${plural(flagged, "sample")}, expected precision ${percent(precision.estimate, 0)}${found}`;
}
