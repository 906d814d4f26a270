import { type Points, SIDE } from "./points";

/** Finds points by their place: they are sorted into the cells of a grid once. */
const CELLS = 256;
const CELL = SIDE / CELLS;

export interface Nearby {
  starts: Uint32Array;
  order: Uint32Array;
}

const cellOf = (points: Points, k: number): number =>
  Math.floor((points.y[k] ?? 0) / CELL) * CELLS + Math.floor((points.x[k] ?? 0) / CELL);

export function sorted(points: Points): Nearby {
  const starts = new Uint32Array(CELLS * CELLS + 1);
  for (let k = 0; k < points.count; k++) bump(starts, cellOf(points, k) + 1, 1);
  for (let cell = 0; cell < CELLS * CELLS; cell++) bump(starts, cell + 1, starts[cell] ?? 0);
  const next = starts.slice();
  const order = new Uint32Array(points.count);
  for (let k = 0; k < points.count; k++) order[bump(next, cellOf(points, k), 1)] = k;
  return { starts, order };
}

function bump(counts: Uint32Array, at: number, by: number): number {
  const before = counts[at] ?? 0;
  counts[at] = before + by;
  return before;
}

/** The places of the `most` points nearest to a place, of those that are `shown`, the nearest first. */
export function nearest(
  points: Points,
  { starts, order }: Nearby,
  x: number,
  y: number,
  most: number,
  shown: (k: number) => boolean,
): number[] {
  const column = clamp(Math.floor(x / CELL));
  const row = clamp(Math.floor(y / CELL));
  let found: { k: number; away: number }[] = [];
  for (let ring = 0; ring < CELLS; ring++) {
    const last = found[most - 1];
    if (last && Math.sqrt(last.away) < safe(x, y, column, row, ring)) break;
    for (const cell of ringOf(column, row, ring))
      for (let at = starts[cell] ?? 0; at < (starts[cell + 1] ?? 0); at++) {
        const k = order[at] ?? 0;
        const away = ((points.x[k] ?? 0) - x) ** 2 + ((points.y[k] ?? 0) - y) ** 2;
        const furthest = found[most - 1];
        if ((furthest && away > furthest.away) || !shown(k)) continue;
        found.push({ k, away });
        found = found.sort((one, other) => one.away - other.away || one.k - other.k).slice(0, most);
      }
  }
  return found.map(({ k }) => k);
}

const clamp = (cell: number) => Math.min(CELLS - 1, Math.max(0, cell));

/** How far around a place everything was seen once all rings before this one were. */
const safe = (x: number, y: number, column: number, row: number, ring: number): number =>
  Math.min(
    x - (column - ring + 1) * CELL,
    (column + ring) * CELL - x,
    y - (row - ring + 1) * CELL,
    (row + ring) * CELL - y,
  );

function* ringOf(column: number, row: number, ring: number): Generator<number> {
  for (let r = row - ring; r <= row + ring; r++) {
    if (r < 0 || r >= CELLS) continue;
    const step = ring === 0 || Math.abs(r - row) === ring ? 1 : 2 * ring;
    for (let c = column - ring; c <= column + ring; c += step) if (c >= 0 && c < CELLS) yield r * CELLS + c;
  }
}
