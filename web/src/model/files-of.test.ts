import { expect, test } from "vitest";
import { filesOf } from "./files-of";

test("what is listed as a file is one, anything else is not", () => {
  const file = { size: 12, sha256: "ab" };
  expect(filesOf({ "config.json": { ...file, more: 1 }, odd: null, short: { size: 1 } })).toEqual([
    { name: "config.json", ...file },
  ]);
  expect(filesOf(null)).toEqual([]);
});
