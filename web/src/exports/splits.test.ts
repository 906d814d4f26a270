import { expect, test } from "vitest";
import { asked, choosable } from "./splits";

test("one may choose between what is there", () => {
  expect(choosable({ test: 10, train: 90 })).toEqual(["train", "test"]);
  expect(choosable({ train: 90, "": 3 })).toEqual(["train"]);
  expect(choosable({ "": 1797 })).toEqual([]);
  expect(choosable({ train: 90, test: 0 })).toEqual([]);
  expect(choosable(null)).toEqual([]);
});

test("nothing chosen and everything chosen is everything", () => {
  expect(asked(new Set(), ["train", "test"])).toBeNull();
  expect(asked(new Set(["train", "test"]), ["train", "test"])).toBeNull();
  expect(asked(new Set(["test"]), ["train", "test"])).toEqual(["test"]);
});
