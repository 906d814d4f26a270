import { expect, it } from "vitest";
import { grouped } from "./kinds";
import type { Finding } from "./queries";

const row = (sample: number, group: number | null, across = false): Finding => ({
  kind: "duplicate",
  group,
  across_splits: across,
  sample,
  path: `${sample}.png`,
  label: "cat",
  split: null,
  image: "",
});

it("puts what belongs together side by side, also over the end of a page", () => {
  const groups = grouped([row(1, 1), row(5, 1, true), row(2, 2), row(9, 1)]);
  expect(groups.map(({ number, images, across }) => [number, images.map(({ sample }) => sample), across])).toEqual([
    [1, [1, 5, 9], true],
    [2, [2], false],
  ]);
});

it("lets what has no group stand alone", () => {
  expect(grouped([row(1, null), row(2, null)]).map(({ images }) => images.length)).toEqual([1, 1]);
});
