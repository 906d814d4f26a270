import { expect, test } from "vitest";
import { along, type CutPoint, flaggedAt, moved, nearest, some, ticks } from "./cut-points";

const sure = { estimate: 1, low: 1, high: 1 };
const points: CutPoint[] = [1, 10, 100, 1000].map((flagged) => ({
  flagged,
  score: 1 / flagged,
  precision: sure,
  recall: sure,
  hard: 0,
}));

test("the nearest point is found by samples, not by place", () => {
  expect(nearest(points, 0)).toBe(0);
  expect(nearest(points, 56)).toBe(2);
  expect(nearest(points, 5000)).toBe(3);
});

test("the axis goes there and back", () => {
  for (const flagged of [0, 1, 77, 1000]) expect(flaggedAt(along(flagged, 1000), 1000)).toBeCloseTo(flagged);
  expect(flaggedAt(-0.2, 1000)).toBe(0);
  expect(flaggedAt(1.7, 1000)).toBe(1000);
});

test("the keys of a slider stay between the ends", () => {
  expect(moved("ArrowRight", 3, 3)).toBe(3);
  expect(moved("ArrowLeft", 0, 3)).toBe(0);
  expect(moved("PageUp", 10, 200)).toBe(30);
  expect(moved("Home", 10, 200)).toBe(0);
  expect(moved("End", 10, 200)).toBe(200);
  expect(moved("a", 10, 200)).toBeNull();
});

test("ticks are round and have room", () => {
  const marks = ticks(1797);
  expect(marks[0]).toBe(0);
  expect(marks).toContain(1000);
  marks.slice(1).forEach((mark, k) => {
    expect(along(mark, 1797) - along(marks[k] ?? 0, 1797)).toBeGreaterThan(0.08);
  });
});

test("a table has some of the points, in order and each once", () => {
  const chosen = some(points).map(({ flagged }) => flagged);
  expect(chosen).toEqual([1, 10, 100, 1000]);
});
