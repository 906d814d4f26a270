import { expect, it } from "vitest";
import { between } from "./selection";

const none = { places: new Set<number>(), anchor: 0 };

it("selects from the anchor to where one is, both ways", () => {
  expect([...between(none, 3, 6).places]).toEqual([3, 4, 5, 6]);
  expect([...between(none, 6, 4).places].sort()).toEqual([4, 5, 6]);
  expect([...between(none, 2, 2).places]).toEqual([2]);
});

it("adds to what is selected and keeps the anchor", () => {
  const both = between({ places: new Set([9]), anchor: 1 }, 1, 2);
  expect([...both.places]).toEqual([9, 1, 2]);
  expect(both.anchor).toBe(1);
});

it("does not select without bound", () => {
  expect(between(none, 0, 50_000).places.size).toBe(1000);
});
