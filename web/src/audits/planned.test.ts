import { expect, it } from "vitest";
import { takes } from "./planned";

const estimate = { duration_s: null, low_s: null, high_s: null, basis: null, why: "" };

it("says how sure it is of how long an audit takes", () => {
  expect(takes({ ...estimate, duration_s: 130, low_s: 100, high_s: 200 })).toBe("About 2 min");
  expect(takes({ ...estimate, low_s: 20, high_s: 200 })).toBe("20 s to 3 min, guessed");
  expect(takes(estimate)).toBe("How long it takes is not known yet");
});
