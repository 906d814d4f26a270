import { type PointerEvent, useRef, useState, type WheelEvent } from "react";
import { Button } from "../ui/parts";

const MOST = 32;

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
  const [view, setView] = useState({ scale: 1, x: 0, y: 0 });
  const [shown, setShown] = useState({ width: 0, height: 0 });
  const held = useRef<{ x: number; y: number } | null>(null);
  const scaled = (by: number) =>
    setView(({ scale, x, y }) => {
      const next = Math.max(1, Math.min(MOST, scale * by));
      return next === 1 ? { scale: 1, x: 0, y: 0 } : { scale: next, x: (x * next) / scale, y: (y * next) / scale };
    });
  const drag = (event: PointerEvent) => {
    const before = held.current;
    if (!before) return;
    held.current = { x: event.clientX, y: event.clientY };
    setView((now) => ({ ...now, x: now.x + event.clientX - before.x, y: now.y + event.clientY - before.y }));
  };
  return (
    <figure className={large ? "picture large" : "picture"}>
      <div
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
