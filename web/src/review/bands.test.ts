import { expect, it } from "vitest";
import { ends, points } from "./bands";

const curves = { margin: [0, 2, 4], rival_gap: [1, 1, 1], loss: [3, 2, 1] };
const levels = [0.1, 0.25, 0.5, 0.75, 0.9];
const cohort = (from: number) => {
  const rows = [0, 1, 2].map((epoch) => levels.map((_, k) => from + epoch + k));
  return { samples: 9, margin: rows, rival_gap: rows, loss: rows };
};

it("lays the middle half of each cohort under the curve", () => {
  const cohorts = { epochs: 3, levels, clean: cohort(0), hard: cohort(-5), wrong: cohort(-20) };
  const drawn = points(curves, cohorts, "margin");
  expect(drawn.map((point) => point.value)).toEqual([0, 2, 4]);
  expect(drawn[2]?.clean).toEqual([3, 5]);
  expect(drawn[0]?.hard).toEqual([-4, -2]);
  expect(ends(drawn)).toEqual(["clean"]);
});

it("leaves a band out in epochs in which there was none", () => {
  const wrong = { ...cohort(0), margin: [null, null, levels] };
  const drawn = points(curves, { epochs: 3, levels, clean: cohort(9), hard: cohort(9), wrong }, "margin");
  expect(drawn.map((point) => point.wrong)).toEqual([null, null, [0.25, 0.75]]);
});

it("draws the curve alone where there are no cohorts", () => {
  expect(points(curves, undefined, "loss")).toEqual([
    { epoch: 1, value: 3 },
    { epoch: 2, value: 2 },
    { epoch: 3, value: 1 },
  ]);
  expect(ends([])).toEqual([]);
});
