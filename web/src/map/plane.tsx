import { useMemo, useRef, useState } from "react";
import { Button } from "../ui/parts";
import { Canvas } from "./canvas";
import { useGestures } from "./gestures";
import { nearest } from "./nearby";
import { type Drawn, isShown } from "./paint";
import type { Points } from "./points";
import { useSize } from "./size-of";
import { keyed, panned, pixelAt, placeAt, type Size, type View, whole, zoomed } from "./view";

const REACH = 14; // pixels around the pointer in which a sample is meant

/** The map to move about in. */
export function Plane({
  drawn,
  marked,
  view: asked,
  onView,
  onPoint,
  onChoose,
}: {
  drawn: Drawn;
  marked: number | null;
  view: View | null;
  onView: (view: View | null) => void;
  onPoint: (place: number | null) => void;
  onChoose: (place: number | null) => void;
}) {
  const ref = useRef<HTMLButtonElement>(null);
  const size = useSize(ref) ?? EMPTY;
  const view = useMemo(() => asked ?? whole(size), [asked, size]);
  const [holding, setHolding] = useState(false);
  const { points, nearby } = drawn;
  const shown = isShown(drawn);
  const meant = (px: number, py: number): number | null => {
    const [found] = nearest(points, nearby, ...placeAt(view, size, px, py), 1, shown);
    if (found === undefined) return null;
    const [x, y] = pixelAt(view, size, points.x[found] ?? 0, points.y[found] ?? 0);
    return Math.hypot(x - px, y - py) <= REACH ? found : null;
  };
  const middle = () => nearest(points, nearby, view.x, view.y, 1, shown)[0] ?? null;
  useGestures(ref, {
    pan: (dx, dy) => {
      setHolding(true);
      onView(panned(view, dx, dy));
    },
    zoom: (factor, x, y) => onView(zoomed(view, size, factor, x, y)),
    point: (at) => {
      setHolding(false);
      onPoint(at && meant(at.x, at.y));
    },
    choose: (x, y) => onChoose(meant(x, y)),
  });
  return (
    <div className="map-frame">
      <button
        ref={ref}
        type="button"
        className={holding ? "map-plane holding" : "map-plane"}
        aria-label="Map of samples. Arrows move it, plus and minus zoom, 0 shows all, Enter chooses what is in the middle. The list beside it names the samples there."
        onClick={(event) => event.detail === 0 && onChoose(middle())}
        onKeyDown={(event) => {
          const next = keyed(event.key, view, size);
          if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          onView(next);
        }}
      >
        <Canvas drawn={drawn} view={view} size={size} />
        <Mark points={points} marked={marked} view={view} size={size} />
      </button>
      <div className="map-buttons">
        <Button small aria-label="Closer" onClick={() => onView(zoomed(view, size, 1.6))}>
          +
        </Button>
        <Button small aria-label="Further away" onClick={() => onView(zoomed(view, size, 1 / 1.6))}>
          −
        </Button>
        <Button small onClick={() => onView(null)}>
          Whole map
        </Button>
      </div>
    </div>
  );
}

const EMPTY: Size = { width: 0, height: 0 };

function Mark({ points, marked, view, size }: { points: Points; marked: number | null; view: View; size: Size }) {
  if (marked === null) return null;
  const [x, y] = pixelAt(view, size, points.x[marked] ?? 0, points.y[marked] ?? 0);
  if (x < 0 || y < 0 || x > size.width || y > size.height) return null;
  return <span className="map-mark" style={{ left: x, top: y }} />;
}
