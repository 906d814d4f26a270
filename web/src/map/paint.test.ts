import { expect, test } from "vitest";
import { type Look, paint, radiusOf } from "./paint";
import { type Points, SIDE } from "./points";
import { whole } from "./view";

const size = { width: 100, height: 100 };
const view = whole(size);
const middle = SIDE / 2;
const at = (...places: [number, number][]): Points => ({
  count: places.length,
  sample: new Uint32Array(places.length),
  given: new Uint32Array(places.length),
  verdict: new Uint8Array(places.length),
  x: Uint16Array.from(places, ([x]) => x),
  y: Uint16Array.from(places, ([, y]) => y),
});
const look = (ink: number, shown = true): Look => ({ ink, shape: "square", shown, quiet: false });
const painted = (points: Points, groups: number[], looks: Look[], radius = 0) => {
  const pixels = new Uint32Array(100 * 100);
  paint(pixels, { points, groups: Uint8Array.from(groups), looks }, view, size, radius);
  return pixels;
};

test("a point in the middle of the map is in the middle of the picture", () => {
  const pixels = painted(at([middle, middle]), [0], [look(7)]);
  expect(pixels[50 * 100 + 50]).toBe(7);
  expect(pixels.filter((ink) => ink !== 0)).toHaveLength(1);
});

test("the more suspicious one lies on top", () => {
  expect(painted(at([middle, middle], [middle, middle]), [0, 1], [look(7), look(9)])[50 * 100 + 50]).toBe(7);
});

test("a hidden group leaves no pixel", () => {
  const pixels = painted(at([middle, middle], [middle, middle]), [0, 1], [look(7, false), look(9)], 3);
  expect(new Set(pixels)).toEqual(new Set([0, 9]));
});

test("no point paints across the edge", () => {
  const far = { ...at([0, 0], [SIDE - 1, SIDE - 1]) };
  const pixels = new Uint32Array(100 * 100);
  const drawn = { points: far, groups: Uint8Array.from([0, 0]), looks: [look(7)] };
  paint(pixels, drawn, { x: 0, y: 0, scale: 100 / SIDE }, size, 4);
  expect(pixels[50 * 100 + 50]).toBe(7);
  expect(pixels.filter((ink, k) => ink !== 0 && k % 100 > 90)).toHaveLength(0);
});

test("few points are drawn large, a million as single pixels", () => {
  const screen = { width: 1200, height: 600 };
  expect(radiusOf(500, whole(screen), screen, 1)).toBeGreaterThanOrEqual(4);
  expect(radiusOf(1_000_000, whole(screen), screen, 1)).toBe(0);
  expect(radiusOf(1_000_000, { ...whole(screen), scale: whole(screen).scale * 50 }, screen, 1)).toBeGreaterThan(2);
});
