/** The points of a map as they come from the service: a column a property, a place a sample, in rank order. */
export interface MapOut {
  href: string;
  points: number;
  columns: readonly { name: string; type: string; offset: number }[];
  labels: readonly string[];
  verdicts: readonly string[];
}

export interface Points {
  count: number;
  sample: ArrayLike<number>;
  given: ArrayLike<number>;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  verdict: ArrayLike<number>;
}

/** Places lie on a square of this many steps a side. */
export const SIDE = 65_536;

const READERS: Record<string, (bytes: ArrayBuffer, offset: number, count: number) => ArrayLike<number>> = {
  uint8: (bytes, offset, count) => new Uint8Array(bytes, offset, count),
  uint16: (bytes, offset, count) => new Uint16Array(bytes.slice(offset, offset + 2 * count)),
  uint32: (bytes, offset, count) => new Uint32Array(bytes.slice(offset, offset + 4 * count)),
};

/** Reads the file of a map as its description tells. */
export function read(bytes: ArrayBuffer, map: MapOut): Points {
  const column = (name: string): ArrayLike<number> => {
    const told = map.columns.find((one) => one.name === name);
    const reader = told && READERS[told.type];
    if (!told || !reader) throw new Error(`The map has no column “${name}” that this page can read.`);
    return reader(bytes, told.offset, map.points);
  };
  return {
    count: map.points,
    sample: column("sample"),
    given: column("given"),
    x: column("x"),
    y: column("y"),
    verdict: column("verdict"),
  };
}
