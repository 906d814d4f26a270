import { expect, test } from "vitest";
import { SHAPES, stamp } from "./shapes";

test("at its smallest every shape is one pixel", () => {
  for (const shape of SHAPES) expect([...stamp(shape, 0)]).toEqual([0, 0]);
});

test("from three pixels on no two shapes look alike", () => {
  for (const radius of [3, 4, 6]) {
    const seen = new Set(SHAPES.map((shape) => stamp(shape, radius).join()));
    expect(seen.size).toBe(SHAPES.length);
  }
});

test("a shape stays within its radius", () => {
  for (const shape of SHAPES) expect(Math.max(...stamp(shape, 5).map(Math.abs))).toBeLessThanOrEqual(5);
});
