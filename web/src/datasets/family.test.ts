import { expect, it } from "vitest";
import { becameOf, pictureOf, versionOf } from "./family";
import type { Changed } from "./queries";

const row = (more: Partial<Changed>): Changed => ({
  sample: 7,
  path: "cat/7.png",
  before: "cat",
  after: "dog",
  sample_before: 7,
  sample_after: 5,
  ...more,
});

it("shows a changed sample where it is now, and one that was taken out where it was", () => {
  expect(pictureOf(row({}), "a", "b")).toBe("/v1/datasets/b/samples/5/image");
  expect(pictureOf(row({ after: null, sample_after: null }), "a", "b")).toBe("/v1/datasets/a/samples/7/image");
  expect(pictureOf(row({ before: null, sample_before: null }), "a", "b")).toBe("/v1/datasets/b/samples/5/image");
});

it("has a word for samples that one of the versions has not", () => {
  expect(becameOf(row({}))).toEqual(["cat", "dog"]);
  expect(becameOf(row({ after: null }))).toEqual(["cat", "excluded"]);
  expect(becameOf(row({ before: null }))).toEqual(["not in it", "dog"]);
});

it("says which version a dataset is only where there was one before", () => {
  expect([1, 2].map((version) => versionOf({ version }))).toEqual([null, "version 2"]);
});
