import type { Nearby } from "./nearby";
import type { Points } from "./points";
import { type Shape, stamp } from "./shapes";
import { closeness, type Size, type View } from "./view";

/** How a group of points looks: its ink as the four bytes of a pixel, its shape, and whether it is there. */
export interface Look {
  ink: number;
  shape: Shape;
  shown: boolean;
  quiet: boolean;
}

/** All that a map shows: its points, which group each is of, how groups look, and how to find points by place. */
export interface Drawn {
  points: Points;
  nearby: Nearby;
  groups: Uint8Array;
  looks: readonly Look[];
}

/** Whether a point is there to be seen. */
export const isShown =
  ({ groups, looks }: Drawn) =>
  (k: number): boolean =>
    looks[groups[k] ?? 0]?.shown === true;

const LARGEST = 6;

/** How large points are drawn: larger where there is room for it. */
export function radiusOf(count: number, view: View, size: Size, ratio: number): number {
  const room = Math.sqrt((size.width * size.height) / Math.max(1, count)) * closeness(view, size);
  return Math.round(Math.min(LARGEST, 0.16 * room) * ratio);
}

/**
 * Draws the points into the pixels of a picture, `size` and `view` counted in those pixels.
 *
 * The most suspicious are drawn last, so they lie on top.
 */
export function paint(
  pixels: Uint32Array,
  { points, groups, looks }: Pick<Drawn, "points" | "groups" | "looks">,
  view: View,
  size: Size,
  radius: number,
): void {
  pixels.fill(0);
  const { x, y, count } = points;
  const { width, height } = size;
  const left = width / 2 - view.x * view.scale;
  const top = height / 2 - view.y * view.scale;
  const inks = Uint32Array.from(looks, ({ ink }) => ink);
  const shown = Uint8Array.from(looks, (look) => (look.shown ? 1 : 0));
  const stamps = looks.map(({ shape, quiet }) => stamp(shape, quiet ? Math.ceil(radius * 0.6) : radius));
  const edge = radius;
  for (let k = count - 1; k >= 0; k--) {
    const group = groups[k] as number;
    if (shown[group] !== 1) continue;
    const px = Math.floor((x[k] as number) * view.scale + left);
    const py = Math.floor((y[k] as number) * view.scale + top);
    if (px < edge || py < edge || px >= width - edge || py >= height - edge) continue;
    const at = py * width + px;
    const ink = inks[group] as number;
    if (radius === 0) {
      pixels[at] = ink;
      continue;
    }
    const marks = stamps[group] as Int8Array;
    for (let m = 0; m < marks.length; m += 2)
      pixels[at + (marks[m + 1] as number) * width + (marks[m] as number)] = ink;
  }
}
