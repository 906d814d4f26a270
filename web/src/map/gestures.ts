import { type RefObject, useEffect, useRef } from "react";

/** What fingers, a mouse and its wheel say to a map; pixels are counted from its corner. */
export interface Said {
  pan: (dx: number, dy: number) => void;
  zoom: (factor: number, x: number, y: number) => void;
  point: (at: { x: number; y: number } | null) => void;
  choose: (x: number, y: number) => void;
}

const STILL = 4; // pixels that a click may move
const WHEEL = 0.0016;

export function useGestures(ref: RefObject<HTMLElement | null>, said: Said): void {
  const latest = useRef(said);
  useEffect(() => {
    latest.current = said;
  });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    return listen(element, latest);
  }, [ref]);
}

function listen(element: HTMLElement, said: RefObject<Said>): () => void {
  const fingers = new Map<number, { x: number; y: number }>();
  let travelled = 0;
  const place = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    if (fingers.size === 0) travelled = 0;
    fingers.set(event.pointerId, place(event));
    element.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const now = place(event);
    const before = fingers.get(event.pointerId);
    if (!before) return said.current.point(now);
    const [one, other] = fingers.values();
    travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (one && other) {
      const still = one === before ? other : one;
      const was = Math.hypot(before.x - still.x, before.y - still.y);
      const is = Math.hypot(now.x - still.x, now.y - still.y);
      if (was > 0) said.current.zoom(is / was, (now.x + still.x) / 2, (now.y + still.y) / 2);
    } else if (travelled > STILL) said.current.pan(now.x - before.x, now.y - before.y);
    fingers.set(event.pointerId, now);
  };
  const up = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return;
    const { x, y } = place(event);
    if (event.type === "pointerup" && travelled <= STILL && fingers.size === 0) said.current.choose(x, y);
  };
  const leave = () => said.current.point(null);
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const { x, y } = place(event);
    said.current.zoom(Math.exp(-event.deltaY * WHEEL * (event.deltaMode === 1 ? 20 : 1)), x, y);
  };
  const stop = new AbortController();
  const { signal } = stop;
  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointermove", move, { signal });
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", up, { signal });
  element.addEventListener("pointerleave", leave, { signal });
  element.addEventListener("wheel", wheel, { signal, passive: false });
  return () => stop.abort();
}
