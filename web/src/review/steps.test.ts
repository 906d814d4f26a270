import { beforeEach, expect, it } from "vitest";
import { type Samples, Steps } from "./steps";

const samples = (count: number, name = "d"): Samples =>
  Array.from({ length: count }, (_, k) => ({ id: `${name}${k}`, sample: k, rank: k }));
const stored = () => sessionStorage.getItem("labelaudit.steps.A.ann");
let audit = 0;
const fresh = (reviewer = "ann") => new Steps(`A${audit}`, reviewer);
beforeEach(() => {
  audit++;
  sessionStorage.clear();
});

it("are one person's of one audit in one tab, and outlive a reload there", () => {
  const steps = new Steps("A", "ann");
  steps.push({ samples: samples(1) });
  expect(JSON.parse(stored() ?? "")).toEqual([{ samples: samples(1) }]);
  expect(new Steps("A", "ann").last).toEqual({ samples: samples(1) });
  expect(new Steps("A", "ben").last).toBeUndefined();
  expect(new Steps("B", "ann").last).toBeUndefined();
  expect(localStorage.length).toBe(0); // where decisions need the room
});

it("hold a few thousand samples, and whole steps", () => {
  const steps = fresh();
  steps.push({ samples: samples(1, "old") });
  for (let k = 0; k < 8; k++) steps.push({ samples: samples(1000, `n${k}-`) });
  let held = 0;
  for (let step = steps.pop(); step; step = steps.pop()) held += "bulk" in step ? 0 : step.samples.length;
  expect(held).toBe(5000);
  steps.push({ samples: samples(20_000) });
  steps.push({ samples: samples(1) });
  steps.pop();
  expect(steps.last).toEqual({ samples: samples(20_000) });
});

it("let go of what was refused and of what was done to many, wherever it stands", () => {
  const steps = fresh();
  steps.push({ samples: samples(3) });
  steps.push({ bulk: "many", count: 9 });
  steps.push({ samples: samples(1) });
  steps.dropSamples(new Set(["d0", "d2"]));
  expect(steps.last).toEqual({ bulk: "many", count: 9 });
  steps.dropBulk("many");
  expect(steps.pop()).toEqual({ samples: samples(3).slice(1, 2) });
  expect(steps.last).toBeUndefined();
});
