import { expect, test } from "vitest";
import { byDecision, byGiven, byVerdict } from "./groups";
import type { Points } from "./points";

const points = (given: number[], verdict: number[] = []): Points => ({
  count: given.length,
  sample: Uint32Array.from(given),
  given: Uint32Array.from(given),
  verdict: Uint8Array.from(verdict),
  x: new Uint16Array(given.length),
  y: new Uint16Array(given.length),
});

test("verdicts are groups as they come, with their counts", () => {
  const { groups, of } = byVerdict(points([0, 0, 0], [2, 0, 2]), ["clean", "hard", "wrong"]);
  expect([...of]).toEqual([2, 0, 2]);
  expect(groups.map(({ name, count }) => [name, count])).toEqual([
    ["clean", 1],
    ["hard", 0],
    ["wrong", 2],
  ]);
});

test("no two groups of a way look alike", () => {
  const labels = Array.from({ length: 12 }, (_, k) => `class ${k}`);
  for (const { groups } of [
    byVerdict(points([]), ["clean", "hard", "wrong", "ambiguous", "alien"]),
    byGiven(points([]), labels),
    byDecision(points([]), {}),
  ]) {
    expect(new Set(groups.map(({ ink, shape }) => `${ink} ${shape}`)).size).toBe(groups.length);
  }
});

test("of many classes the frequent ones stand by themselves", () => {
  const labels = Array.from({ length: 300 }, (_, k) => `class ${k}`);
  const { groups, of } = byGiven(points([299, 299, 7, 7, 7, ...labels.keys()]), labels);
  expect(groups).toHaveLength(13);
  const nameOf = (k: number) => groups[of[k] ?? 0]?.name;
  expect(nameOf(0)).toBe("class 299");
  expect(nameOf(2)).toBe("class 7");
  expect(nameOf(5 + 200)).toBe("288 other classes");
  expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(305);
});

test("decisions come as ranks, which are places from 1", () => {
  const { groups, of } = byDecision(points([0, 0, 0, 0]), { keep: [4], relabel: Uint32Array.from([1, 2]) });
  expect([...of].map((group) => groups[group]?.name)).toEqual(["relabel", "relabel", "undecided", "keep"]);
});
