import { expect, it } from "vitest";
import { remaining, type Seen, seen, speed } from "./pace";

const steadily = (perS: number, seconds: number): Seen[] => {
  let looks: Seen[] = [];
  for (let k = 0; k <= seconds; k++) looks = seen(looks, { at: k * 1000, done: k * perS });
  return looks;
};

it("tells the pace of the last seconds and what is left at it", () => {
  expect(speed(steadily(100, 5))).toBe(100);
  expect(remaining(steadily(100, 5), 1500)).toBe(10);
});

it("forgets what was long ago", () => {
  const looks = [...Array(30).keys()].reduce<Seen[]>(
    (before, k) => seen(before, { at: 10_000 + k * 1000, done: 1000 + k }),
    steadily(100, 10),
  );
  expect(speed(looks)).toBeCloseTo(1);
});

it("says nothing before it has seen enough, nor of what stands still", () => {
  expect(speed(steadily(100, 0))).toBeNull();
  expect(remaining([], 10)).toBeNull();
  expect(remaining(steadily(0, 5), 10)).toBeNull();
});

it("begins anew when the count went back", () => {
  const looks = seen(steadily(100, 5), { at: 6000, done: 200 });
  expect(looks).toHaveLength(1);
});
