import { expect, it } from "vitest";
import { ceiling, reach, sentence } from "./learning";
import type { Epoch } from "./story";

const point = (noise: Epoch["noise"], epoch = 3): Epoch => ({ epoch, loss: 0.5, train: 0.9, held: null, noise });
const about = (estimate: number, low: number, high: number) => ({ estimate, low, high });

it("says the share of wrong labels with its bounds, and nothing of it before it is known", () => {
  expect(sentence(point(about(0.086, 0.047, 0.141)), 20)).toBe(
    "After epoch 3 of 20: a loss of 0.500, agrees with 90 % of the given labels. " +
      "About 8.6 % of the labels seem wrong so far, likely 4.7 % to 14 %.",
  );
  expect(sentence(point(null), null)).toBe("After epoch 3: a loss of 0.500, agrees with 90 % of the given labels.");
});

it("shows twice the epochs that are done, at least ten, and no more than there will be", () => {
  expect([reach(1, 20), reach(7, 20), reach(15, 20), reach(3, 4), reach(3, null)]).toEqual([10, 14, 20, 4, 3]);
});

it("draws as high as most epochs reach, so that a first unsure one does not flatten the others", () => {
  const sure = [0.14, 0.13, 0.13, 0.14].map((high) => point(about(0.08, 0.05, high)));
  expect(ceiling(sure)).toBeCloseTo(0.16);
  expect(ceiling([point(about(0.1, 0, 0.5)), ...sure])).toBeCloseTo(0.28);
  expect(ceiling([point(about(0.6, 0.4, 0.9))])).toBeCloseTo(0.92);
  expect(ceiling([point(about(0, 0, 0.004))])).toBeCloseTo(0.04);
  expect(ceiling([])).toBe(0.04);
});
