import { expect, it } from "vitest";
import { fitting } from "./fitting";

const CLASSES = ["airplane", "hot dog", "dog", "bulldog", "cat"];

it("puts what begins so before words that do, and those before the rest", () => {
  expect(fitting(CLASSES, "dog")).toEqual(["dog", "hot dog", "bulldog"]);
});

it("does not look at case or at spaces around", () => {
  expect(fitting(CLASSES, " DoG ")).toEqual(fitting(CLASSES, "dog"));
});

it("shows all while nothing is typed, in their own order", () => {
  expect(fitting(CLASSES, "")).toEqual(CLASSES);
});

it("finds nothing where nothing fits", () => {
  expect(fitting(CLASSES, "zebra")).toEqual([]);
});
