import { expect, it } from "vitest";
import { balance, classes, thinned } from "./balance";

const counts = { cat: 5, dog: 2, ant: 5, "10": 1, "9": 1 };

it("orders classes by size and then by name, as people count", () => {
  expect(classes(counts, "largest").map(({ name }) => name)).toEqual(["ant", "cat", "dog", "9", "10"]);
  expect(classes(counts, "smallest").map(({ name }) => name)).toEqual(["9", "10", "dog", "ant", "cat"]);
  expect(classes(counts, "name").map(({ name }) => name)).toEqual(["9", "10", "ant", "cat", "dog"]);
  expect(classes(counts, "name", " A").map(({ name }) => name)).toEqual(["ant", "cat"]);
});

it("tells the largest, the middle and the smallest", () => {
  expect(balance(counts)).toEqual({
    largest: { name: "ant", images: 5 },
    middle: 2,
    smallest: { name: "10", images: 1 },
  });
  expect(balance({})).toBeNull();
});

it("keeps the ends of a long line", () => {
  const line = thinned([...Array(1000).keys()], 50);
  expect(line).toHaveLength(50);
  expect([line[0]?.at, line.at(-1)?.at]).toEqual([0, 999]);
  expect(thinned([7], 50)).toEqual([{ at: 0, point: 7 }]);
});
