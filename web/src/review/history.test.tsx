import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import { Before, History } from "./history";
import { KEPT } from "./said-of-tests";

afterEach(cleanup);

it("tells what was said of this version first, then of those before it, the last first", () => {
  const earlier = [
    { dataset_id: "d1", version: 1, reviews: [{ ...KEPT, decision: "relabel" as const, label: "seven" }] },
    { dataset_id: "d2", version: 2, reviews: [{ ...KEPT, reviewer: "ben" }] },
  ];
  render(<History reviews={[{ ...KEPT, decision: "exclude" }]} earlier={earlier} />);
  const said = screen.getAllByRole("listitem").map(({ textContent }) => textContent);
  const begins = ["ann exclude", "ben keep", "ann relabel → seven"];
  expect(said).toEqual(begins.map((begin) => expect.stringMatching(`^${begin} `)));
  const links = screen.getAllByRole("link").map((link) => [link.textContent, link.getAttribute("href")]);
  expect(links).toEqual([
    ["version 2", "/datasets/d2"],
    ["version 1", "/datasets/d1"],
  ]);
});

it("tells in a line what counted last, in the last version where anything did", () => {
  const kept = { dataset_id: "d1", version: 1, reviews: [KEPT] };
  const back = { ...KEPT, id: "r2", seq: 2, decision: null, undoes: "r1" };
  const { container, rerender } = render(<Before earlier={[kept, { ...kept, version: 2 }]} />);
  expect(container.textContent).toBe("In version 2 ann said: keep.");
  rerender(<Before earlier={[kept, { ...kept, version: 2, reviews: [KEPT, back] }]} />);
  expect(container.textContent).toBe("In version 1 ann said: keep.");
  rerender(<Before earlier={[]} />);
  expect(container.textContent).toBe("");
});

it("is not there where nobody said anything", () => {
  const { container } = render(<History reviews={[]} earlier={[]} />);
  expect(container.textContent).toBe("");
});
