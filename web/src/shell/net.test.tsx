import { render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { Net } from "./net";

afterEach(() => vi.restoreAllMocks());

function Broken(): never {
  throw new Error("a hole");
}

it("catches what breaks a screen, says so, and lets go of it at another place", () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined); // React tells of what it caught
  const { rerender } = render(
    <Net place="/map">
      <Broken />
    </Net>,
  );
  expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("This screen could not be shown");
  expect(screen.getByRole("alert").textContent).toContain("a hole");
  rerender(<Net place="/datasets">all is well</Net>);
  expect(screen.getByText("all is well")).toBeTruthy();
});
