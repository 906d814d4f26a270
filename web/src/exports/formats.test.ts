import { expect, test } from "vitest";
import { FORMATS, GROUPS } from "./formats";

test("every format is offered once", () => {
  const offered = GROUPS.flatMap(([, formats]) => formats);
  expect(offered.toSorted()).toEqual(Object.keys(FORMATS).toSorted());
});

test("every format says how it is used, in code or in words", () => {
  for (const { load, how } of Object.values(FORMATS)) expect(load === undefined).not.toBe(how === undefined);
});
