import { expect, test } from "vitest";
import { enlarged, moved, WHOLE } from "./picture-view";

const frame = { width: 200, height: 100 };

test("what is wholly in its frame cannot be moved", () => {
  expect(moved(WHOLE, 40, -30, frame)).toEqual(WHOLE);
});

test("what is enlarged moves as far as there is picture", () => {
  const twice = enlarged(WHOLE, 2, frame);
  expect(moved(twice, 30, -20, frame)).toEqual({ scale: 2, x: 30, y: -20 });
  expect(moved(twice, 1000, -1000, frame)).toEqual({ scale: 2, x: 100, y: -50 });
});

test("made smaller again it comes back to its frame, and no further", () => {
  const far = moved(enlarged(WHOLE, 4, frame), 300, 150, frame);
  expect(enlarged(far, 0.5, frame)).toEqual({ scale: 2, x: 100, y: 50 });
  expect(enlarged(far, 0.01, frame)).toEqual(WHOLE);
  expect(enlarged(WHOLE, 1e9, frame).scale).toBe(32);
});
