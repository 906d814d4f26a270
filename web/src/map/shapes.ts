/** The shapes that stand for groups on the map, so that nothing hangs on colours alone. */
export const SHAPES = ["dot", "cross", "diamond", "triangle", "square", "ring"] as const;
export type Shape = (typeof SHAPES)[number];

export const SIGNS: Record<Shape, string> = {
  dot: "●",
  cross: "✕",
  diamond: "◆",
  triangle: "▲",
  square: "■",
  ring: "○",
};

/** Whether a place belongs to a shape; both coordinates go from −1 to 1, y downwards. */
const INSIDE: Record<Shape, (x: number, y: number) => boolean> = {
  dot: (x, y) => x * x + y * y <= 0.62,
  cross: (x, y) => Math.abs(Math.abs(x) - Math.abs(y)) <= 0.3,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1,
  triangle: (x, y) => y <= 0.8 && Math.abs(x) <= (y + 1) * 0.55,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.75,
  ring: (x, y) => x * x + y * y <= 1 && x * x + y * y >= 0.4,
};

/** The pixels of a shape around its middle, as pairs dx, dy; a single one at radius 0. */
export function stamp(shape: Shape, radius: number): Int8Array {
  const pixels: number[] = [];
  for (let dy = -radius; dy <= radius; dy++)
    for (let dx = -radius; dx <= radius; dx++) {
      const scale = radius + 0.25;
      if (radius === 0 || INSIDE[shape](dx / scale, dy / scale)) pixels.push(dx, dy);
    }
  return Int8Array.from(pixels);
}
