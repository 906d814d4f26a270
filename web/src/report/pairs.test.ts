import { expect, test } from "vitest";
import { involved, mixUps } from "./pairs";

const moves = {
  labels: ["cat", "dog", "fox"],
  counts: [
    [0, 4.4, 0.1],
    [1.2, 0, 0],
    [0, 0, 0],
  ],
  probabilities: [null, null, null],
};

test("flags and expectations of the same pair come together, the most flagged first", () => {
  const found = mixUps(
    [
      { given: "dog", suggested: "cat", count: 1 },
      { given: "cat", suggested: "dog", count: 5 },
    ],
    moves,
  );
  expect(found).toEqual([
    { given: "cat", other: "dog", flagged: 5, expected: 4.4 },
    { given: "dog", other: "cat", flagged: 1, expected: 1.2 },
  ]);
});

test("less than half a sample is no mix-up", () => {
  expect(mixUps([], moves).some(({ other }) => other === "fox")).toBe(false);
});

test("classes stand in the order of the dataset, and none is lost", () => {
  const found = mixUps([{ given: "owl", suggested: "dog", count: 1 }], moves);
  expect(involved(found, ["dog", "cat"])).toEqual(["dog", "cat", "owl"]);
});
