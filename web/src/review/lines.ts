/**
 * Which lines of a list are in sight. All lines are equally high, so this is arithmetic.
 *
 * Browsers lay nothing out that is higher than some ten million pixels, and a million samples are: beyond `MOST` the
 * scroll bar stands for more than it measures, by a factor.
 */
const MOST = 10_000_000;

export interface Track {
  /** What the scrolled element is high. */
  height: number;
  /** How many pixels of the list a pixel of the scroll bar stands for. */
  factor: number;
  /** How far one can scroll, in pixels of the list. */
  end: number;
}

export function track(lines: number, lineHeight: number, view: number): Track {
  const total = lines * lineHeight;
  const height = Math.min(total, MOST);
  const end = Math.max(0, total - view);
  return { height, end, factor: height > view ? Math.max(1, end / (height - view)) : 1 };
}

/** The first line to draw and the one after the last, with some more on both sides. */
export function inSight(top: number, view: number, lineHeight: number, lines: number, more: number): [number, number] {
  const first = Math.max(0, Math.floor(top / lineHeight) - more);
  return [first, Math.min(lines, Math.ceil((top + view) / lineHeight) + more)];
}

/** Where to scroll so that all of a line can be seen; where one is, if it can be already. */
export function showing(line: number, top: number, view: number, lineHeight: number, end: number): number {
  const above = line * lineHeight;
  const below = (line + 1) * lineHeight - view;
  return Math.max(0, Math.min(end, above < top ? above : below > top ? below : top));
}
