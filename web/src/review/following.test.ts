import { expect, test } from "vitest";
import { following } from "./following";

const list = (...ranks: number[]) => Uint32Array.from(ranks);

test("one stays at the same rank, wherever it stands now", () => {
  expect(following(list(1, 2, 3, 4), 2, list(3, 4))).toBe(0);
  expect(following(list(1, 2, 3, 4), 2, list(4, 1, 2, 3))).toBe(3);
});

test("where that is gone, the next one that is left has the turn", () => {
  expect(following(list(1, 2, 3, 4, 5), 1, list(1, 4, 5))).toBe(1);
});

test("where nothing follows one is at the end, and an empty list has no place but the first", () => {
  expect(following(list(1, 2, 3), 2, list(1, 2))).toBe(1);
  expect(following(list(1, 2, 3), 2, list())).toBe(0);
});
