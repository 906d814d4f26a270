import { expect, test } from "vitest";
import { nearest, sorted } from "./nearby";
import type { Points } from "./points";

/** Points in clumps and far apart, the same ones every time. */
function scattered(count: number): Points {
  let seed = 1;
  const chance = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const place = () => Math.floor((chance() < 0.5 ? 0.2 + 0.05 * chance() : chance()) * 65_535);
  const zeros = new Uint32Array(count);
  return {
    count,
    sample: zeros,
    given: zeros,
    verdict: zeros,
    x: Uint16Array.from({ length: count }, place),
    y: Uint16Array.from({ length: count }, place),
  };
}

const points = scattered(3000);
const nearby = sorted(points);
const away = (k: number, x: number, y: number) => ((points.x[k] ?? 0) - x) ** 2 + ((points.y[k] ?? 0) - y) ** 2;

test.each([
  [32_768, 32_768, 12],
  [0, 65_535, 5],
  [14_000, 14_500, 40],
  [-9000, 70_000, 3],
  [65_535, 0, 1],
])("finds what a look at all points finds, at %d, %d", (x, y, most) => {
  for (const shown of [() => true, (k: number) => k % 7 === 0]) {
    const all = Array.from({ length: points.count }, (_, k) => k).filter(shown);
    const expected = all.sort((one, other) => away(one, x, y) - away(other, x, y)).slice(0, most);
    const found = nearest(points, nearby, x, y, most, shown);
    expect(found.map((k) => away(k, x, y))).toEqual(expected.map((k) => away(k, x, y)));
  }
});

test("where nothing is shown nothing is found", () => {
  expect(nearest(points, nearby, 1, 1, 5, () => false)).toEqual([]);
  const none = scattered(0);
  expect(nearest(none, sorted(none), 1, 1, 5, () => true)).toEqual([]);
});
