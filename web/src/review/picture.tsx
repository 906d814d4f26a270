import { type PointerEvent, useRef, useState, type WheelEvent } from "react";
import { Button } from "../ui/parts";
import { enlarged, moved, WHOLE } from "./picture-view";

/** The image as it is, each pixel a square when it is enlarged; the wheel or the buttons enlarge, dragging moves. */
export function Picture({
  src,
  label,
  onZoom,
  large,
}: {
  src: string;
  label: string;
  onZoom?: () => void;
  large?: boolean;
}) {
  const [view, setView] = useState(WHOLE);
  const [of, setOf] = useState(src);
  const [shown, setShown] = useState({ width: 0, height: 0 });
  const frame = useRef<HTMLDivElement>(null);
  const held = useRef<{ x: number; y: number } | null>(null);
  if (of !== src) {
    setOf(src);
    setView(WHOLE);
  }
  const size = () => ({ width: frame.current?.clientWidth ?? 0, height: frame.current?.clientHeight ?? 0 });
  const scaled = (by: number) => setView((now) => enlarged(now, by, size()));
  const drag = (event: PointerEvent) => {
    const before = held.current;
    if (!before) return;
    held.current = { x: event.clientX, y: event.clientY };
    setView((now) => moved(now, event.clientX - before.x, event.clientY - before.y, size()));
  };
  return (
    <figure className={large ? "picture large" : "picture"}>
      <div
        ref={frame}
        className="picture-frame"
        onWheel={(event: WheelEvent) => large && scaled(event.deltaY < 0 ? 1.25 : 0.8)}
        onPointerDown={(event) => {
          held.current = { x: event.clientX, y: event.clientY };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={drag}
        onPointerUp={() => {
          held.current = null;
        }}
      >
        <img
          key={src}
          src={src}
          alt={`Labelled ${label}`}
          draggable={false}
          onLoad={(event) =>
            setShown({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })
          }
          style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
        />
      </div>
      <figcaption className="muted">
        <span>{shown.width > 0 && `${shown.width} × ${shown.height} pixels`}</span>
        <span>
          <Button small kind="quiet" aria-label="Smaller" disabled={view.scale === 1} onClick={() => scaled(1 / 1.5)}>
            −
          </Button>
          <Button small kind="quiet" aria-label="Larger" onClick={() => scaled(1.5)}>
            +
          </Button>
          {onZoom && (
            <Button small kind="quiet" aria-keyshortcuts="Z" onClick={onZoom}>
              Zoom <kbd>Z</kbd>
            </Button>
          )}
        </span>
      </figcaption>
    </figure>
  );
}
