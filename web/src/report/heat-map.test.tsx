import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { HeatMap } from "./heat-map";

afterEach(cleanup);

const found = [
  { given: "cat", other: "dog", flagged: 5, expected: 4.4 },
  { given: "dog", other: "cat", flagged: 0, expected: 1.2 },
];

test("a number leads to the samples that it counts", () => {
  render(<HeatMap auditId="a1" classes={["cat", "dog"]} found={found} measure="flagged" />);
  const links = screen.getAllByRole("link");
  expect(links.map((link) => link.textContent)).toEqual(["5"]);
  expect(links[0]?.getAttribute("href")).toBe("/audits/a1/review?given=cat&suggested=dog&is_issue=true");
  expect(links[0]?.getAttribute("aria-label")).toBe("Labelled cat, suggested dog: 5 samples flagged, about 4 expected");
});

test("what is expected though nothing is flagged leads to all of the pair", () => {
  render(<HeatMap auditId="a1" classes={["cat", "dog"]} found={found} measure="expected" />);
  expect(screen.getAllByRole("link").map((link) => link.textContent)).toEqual(["4", "1"]);
  expect(screen.getAllByRole("link")[1]?.getAttribute("href")).toBe("/audits/a1/review?given=dog&suggested=cat");
});
