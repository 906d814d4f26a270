import { SIDE } from "./points";

/** What of the map is seen: the place at the middle, and how many pixels a step is. */
export interface View {
  x: number;
  y: number;
  scale: number;
}
export interface Size {
  width: number;
  height: number;
}

const MARGIN = 0.94;
const MOST = 400; // times closer than the whole

/** The view that shows everything. */
export const whole = ({ width, height }: Size): View => ({
  x: SIDE / 2,
  y: SIDE / 2,
  scale: (Math.max(1, Math.min(width, height)) * MARGIN) / SIDE,
});

/** How much closer than the whole. */
export const closeness = (view: View, size: Size): number => view.scale / whole(size).scale;

/** Closer, or further away, with the place below a pixel staying there. */
export function zoomed(view: View, size: Size, factor: number, px = size.width / 2, py = size.height / 2): View {
  const least = whole(size).scale;
  const scale = Math.min(least * MOST, Math.max(least * 0.8, view.scale * factor));
  const x = view.x + (px - size.width / 2) * (1 / view.scale - 1 / scale);
  const y = view.y + (py - size.height / 2) * (1 / view.scale - 1 / scale);
  return within({ x, y, scale });
}

/** Moved by so many pixels. */
export const panned = (view: View, dx: number, dy: number): View =>
  within({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale });

const within = (view: View): View => ({
  ...view,
  x: Math.min(SIDE, Math.max(0, view.x)),
  y: Math.min(SIDE, Math.max(0, view.y)),
});

/** The place below a pixel. */
export const placeAt = (view: View, size: Size, px: number, py: number): [number, number] => [
  view.x + (px - size.width / 2) / view.scale,
  view.y + (py - size.height / 2) / view.scale,
];

/** The pixel above a place. */
export const pixelAt = (view: View, size: Size, x: number, y: number): [number, number] => [
  (x - view.x) * view.scale + size.width / 2,
  (y - view.y) * view.scale + size.height / 2,
];

/** The view after a key; null where the key does nothing here. */
export function keyed(key: string, view: View, size: Size): View | null {
  const step = Math.min(size.width, size.height) / 6;
  const done: Record<string, () => View> = {
    ArrowLeft: () => panned(view, step, 0),
    ArrowRight: () => panned(view, -step, 0),
    ArrowUp: () => panned(view, 0, step),
    ArrowDown: () => panned(view, 0, -step),
    "+": () => zoomed(view, size, 1.5),
    "=": () => zoomed(view, size, 1.5),
    "-": () => zoomed(view, size, 1 / 1.5),
    "0": () => whole(size),
  };
  return done[key]?.() ?? null;
}
