import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { OfClass } from "./class-columns";
import { Classes } from "./classes";

afterEach(cleanup);

const classesOf = (count: number): OfClass[] =>
  Array.from({ length: count }, (_, k) => ({
    label: `class ${k}`,
    samples: 100 + k,
    flagged: (k * 7) % count,
    noise_rate: 0.01 * k,
    low: 0.005 * k,
    high: 0.02 * k,
  }));

const show = (count: number) => render(<Classes auditId="a1" classes={classesOf(count)} />);
// Roles of hundreds of rows take seconds to work out.
const names = () => [...document.querySelectorAll("tbody td:first-child")].map((cell) => cell.textContent);

test("the most flagged come first, and a click on a heading sorts by it", () => {
  show(5);
  expect(names()[0]).toBe("class 2");
  fireEvent.click(screen.getByRole("button", { name: /Class/ }));
  expect(names()).toEqual(["class 0", "class 1", "class 2", "class 3", "class 4"]);
  expect(screen.getByRole("columnheader", { name: /Class/ }).getAttribute("aria-sort")).toBe("ascending");
  fireEvent.click(screen.getByRole("button", { name: /Samples/ }));
  expect(names()[0]).toBe("class 4");
});

test("of many classes one is found by its name, and not all are shown at once", () => {
  show(250);
  expect(names()).toHaveLength(100);
  fireEvent.click(screen.getByText(/Show 100 more/));
  expect(names()).toHaveLength(200);
  fireEvent.change(screen.getByLabelText("Find a class"), { target: { value: "CLASS 24" } });
  expect(names()).toHaveLength(11);
  fireEvent.change(screen.getByLabelText("Find a class"), { target: { value: "zebra" } });
  expect(screen.getByText("No class has “zebra” in its name.")).toBeTruthy();
});

test("a class leads to its samples, its flags to those", () => {
  show(3);
  expect(screen.getByRole("link", { name: "class 1" }).getAttribute("href")).toBe("/audits/a1/review?given=class+1");
  const flags = screen.getByRole("link", { name: "1 flagged of class 1" });
  expect(flags.getAttribute("href")).toBe("/audits/a1/review?given=class+1&is_issue=true");
});
