import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";
import { CutHandle } from "./cut-handle";
import type { CutPoint } from "./cut-points";

afterEach(cleanup);

const points: CutPoint[] = [1, 10, 100, 1000].map((flagged) => ({
  flagged,
  score: 1 / flagged,
  precision: { estimate: 0.9, low: 0.8, high: 0.95 },
  recall: flagged === 1 ? null : { estimate: 0.5, low: 0.4, high: 0.6 },
  hard: 0,
}));

function Held() {
  const [at, setAt] = useState(1);
  return <CutHandle points={points} at={at} onMove={setAt} />;
}

test("the cut is a slider that keys move and that says where it stands", () => {
  render(<Held />);
  const slider = screen.getByRole("slider", { name: "Samples above the cut" });
  const stands = () => [slider.getAttribute("aria-valuenow"), slider.getAttribute("aria-valuetext")];
  expect(stands()).toEqual(["10", "10 samples, expected precision 90 %, recall 50 %"]);
  fireEvent.keyDown(slider, { key: "ArrowRight" });
  expect(stands()[0]).toBe("100");
  fireEvent.keyDown(slider, { key: "End" });
  expect(stands()[0]).toBe("1000");
  fireEvent.keyDown(slider, { key: "Home" });
  expect(stands()).toEqual(["1", "1 sample, expected precision 90 %"]);
  expect(slider.style.left).toBe(`${Math.sqrt(1 / 1000) * 100}%`);
});
