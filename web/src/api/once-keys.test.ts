import { expect, it } from "vitest";
import { OnceKeys } from "./once-keys";

it("gives a request one key until it is done, and another request another one", () => {
  const keys = new OnceKeys();
  const first = keys.of({ format: "csv", splits: null });
  expect(keys.of({ format: "csv", splits: null })).toBe(first);
  expect(keys.of({ format: "csv", splits: ["train"] })).not.toBe(first);
  keys.done({ format: "csv", splits: null });
  expect(keys.of({ format: "csv", splits: null })).not.toBe(first);
});
