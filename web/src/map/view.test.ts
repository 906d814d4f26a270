import { expect, test } from "vitest";
import { SIDE } from "./points";
import { closeness, keyed, panned, pixelAt, placeAt, whole, zoomed } from "./view";

const size = { width: 1000, height: 600 };
const start = whole(size);

test("the whole map is in sight", () => {
  for (const corner of [0, SIDE]) {
    const [px, py] = pixelAt(start, size, corner, corner);
    expect(px).toBeGreaterThanOrEqual(0);
    expect(px).toBeLessThanOrEqual(size.width);
    expect(py).toBeGreaterThanOrEqual(0);
    expect(py).toBeLessThanOrEqual(size.height);
  }
});

test("pixels and places are each other's way back", () => {
  const view = zoomed(panned(start, 40, -25), size, 3, 700, 200);
  const [x, y] = placeAt(view, size, 123, 456);
  const [px, py] = pixelAt(view, size, x, y);
  expect(px).toBeCloseTo(123);
  expect(py).toBeCloseTo(456);
});

test("what is below the pointer stays there while one zooms", () => {
  const before = placeAt(start, size, 400, 250);
  const after = placeAt(zoomed(start, size, 5, 400, 250), size, 400, 250);
  expect(after[0]).toBeCloseTo(before[0]);
  expect(after[1]).toBeCloseTo(before[1]);
});

test("nobody gets lost: zoom has ends, and the middle stays on the map", () => {
  expect(closeness(zoomed(start, size, 1e9), size)).toBeLessThanOrEqual(400.001);
  expect(closeness(zoomed(start, size, 1e-9), size)).toBeGreaterThanOrEqual(0.79);
  expect(panned(start, 1e9, -1e9)).toMatchObject({ x: 0, y: SIDE });
});

test("keys pan and zoom, others do nothing", () => {
  expect(keyed("ArrowRight", start, size)?.x).toBeGreaterThan(start.x);
  expect(keyed("+", start, size)?.scale).toBeGreaterThan(start.scale);
  expect(keyed("0", zoomed(start, size, 4), size)).toEqual(start);
  expect(keyed("q", start, size)).toBeNull();
});
