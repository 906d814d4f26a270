/** How large the classes are, as a person wants to see them. */
export interface Class {
  readonly name: string;
  readonly images: number;
}

export type Order = "largest" | "smallest" | "name";

export function classes(counts: Readonly<Record<string, number>>, order: Order, filter = ""): Class[] {
  const wanted = filter.trim().toLowerCase();
  const all = Object.entries(counts)
    .map(([name, images]) => ({ name, images }))
    .filter(({ name }) => name.toLowerCase().includes(wanted));
  const byName = (one: Class, other: Class) => one.name.localeCompare(other.name, "en", { numeric: true });
  if (order === "name") return all.sort(byName);
  const sign = order === "largest" ? -1 : 1;
  return all.sort((one, other) => sign * (one.images - other.images) || byName(one, other));
}

export interface Balance {
  readonly largest: Class;
  readonly middle: number;
  readonly smallest: Class;
}

export function balance(counts: Readonly<Record<string, number>>): Balance | null {
  const all = classes(counts, "largest");
  const [largest, smallest, middle] = [all[0], all.at(-1), all[Math.floor((all.length - 1) / 2)]];
  return largest && smallest && middle ? { largest, smallest, middle: middle.images } : null;
}

/** At most so many points of a falling line, its ends among them. */
export function thinned<T>(points: readonly T[], most: number): { at: number; point: T }[] {
  const step = Math.max(1, (points.length - 1) / (most - 1));
  const chosen = new Map<number, T>();
  for (let k = 0; k < Math.min(most, points.length); k++) {
    const at = Math.min(points.length - 1, Math.round(k * step));
    const point = points[at];
    if (point !== undefined) chosen.set(at, point);
  }
  return [...chosen].map(([at, point]) => ({ at, point }));
}
