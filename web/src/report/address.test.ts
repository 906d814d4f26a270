import { expect, test } from "vitest";
import { reviewAddress } from "./address";

test("class names of any kind come through an address", () => {
  const address = reviewAddress("a1", { given: "cats & dogs #1/2", is_issue: true });
  const asked = new URL(address, "http://here");
  expect(asked.pathname).toBe("/audits/a1/review");
  expect(asked.searchParams.get("given")).toBe("cats & dogs #1/2");
  expect(asked.searchParams.get("is_issue")).toBe("true");
});

test("no choice, no question mark", () => expect(reviewAddress("a1")).toBe("/audits/a1/review"));

test("a score keeps every digit", () =>
  expect(reviewAddress("a1", { score_from: 0.500955416665958 })).toContain("0.500955416665958"));
