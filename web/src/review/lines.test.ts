import { expect, it } from "vitest";
import { inSight, showing, track } from "./lines";

it("is as high as its lines while that can be laid out", () => {
  expect(track(100, 184, 600)).toEqual({ height: 18_400, end: 17_800, factor: 1 });
  expect(track(2, 184, 600)).toEqual({ height: 368, end: 0, factor: 1 });
});

it("reaches the last line of a million by a scroll bar that stands for more than it measures", () => {
  const view = 600;
  const { height, end, factor } = track(1_000_000, 184, view);
  expect(height).toBe(10_000_000);
  const top = (height - view) * factor;
  expect(top).toBeCloseTo(end, 3);
  expect(inSight(top, view, 184, 1_000_000, 0)[1]).toBe(1_000_000);
});

it("draws what is in sight and a little more, and nothing that is not there", () => {
  expect(inSight(0, 600, 100, 50, 2)).toEqual([0, 8]);
  expect(inSight(1050, 600, 100, 50, 2)).toEqual([8, 19]);
  expect(inSight(4400, 600, 100, 50, 2)).toEqual([42, 50]);
  expect(inSight(0, 600, 100, 0, 2)).toEqual([0, 0]);
});

it("moves no further than to show a line whole", () => {
  expect(showing(3, 0, 600, 100, 4400)).toBe(0);
  expect(showing(6, 0, 600, 100, 4400)).toBe(100);
  expect(showing(2, 450, 600, 100, 4400)).toBe(200);
  expect(showing(49, 0, 600, 100, 4400)).toBe(4400);
});
