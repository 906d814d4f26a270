import { expect, it } from "vitest";
import { Problem } from "../api/problem";
import { EMPTY, type Form, faultsOf, requestOf } from "./form";

const request = (form: Partial<Form>) => {
  const made = requestOf("d", { ...EMPTY, ...form });
  return "request" in made ? made.request : made.faults;
};

it("asks for nothing that nobody chose", () => {
  expect(request({})).toEqual({ dataset_id: "d", recipe: "auto" });
});

it("says what was chosen in the service's units", () => {
  expect(request({ recipe: "budget", budgetMin: "1,5" })).toEqual({ dataset_id: "d", recipe: "auto", budget_s: 90 });
  expect(request({ recipe: "thorough", flags: "precision", precision: "95.5" })).toMatchObject({
    recipe: "thorough",
    target_precision: 0.955,
  });
  expect(request({ splits: ["train", "val"], seed: "0", network: " small ", maxH: "0.5" })).toMatchObject({
    splits: ["train", "val"],
    seed: 0,
    network: "small",
    max_s: 1800,
  });
});

it("never asks for two cuts, nor for epochs within a budget", () => {
  expect(request({ flags: "review", review: "50", precision: "95" })).toEqual({
    dataset_id: "d",
    recipe: "auto",
    review_budget: 50,
  });
  expect(request({ recipe: "budget", epochs: "30" })).not.toHaveProperty("epochs");
});

it("tells what is wrong where it is wrong, and nothing of what does not count", () => {
  expect(request({ flags: "precision", precision: "20" })).toEqual({ precision: "Give a number from 50 to 99.9." });
  expect(request({ flags: "review", review: "1.5", seed: "x" })).toEqual({
    review: "Give a whole number.",
    seed: "That is not a number.",
  });
  expect(request({ recipe: "budget", budgetMin: "" })).toEqual({ budgetMin: "Give a number." });
  expect(request({ precision: "20", budgetMin: "x" })).toEqual({ dataset_id: "d", recipe: "auto" });
});

it("puts the service's refusals at their fields", () => {
  const refused = (code: string, errors?: unknown) => new Problem(code, "no", 422, false, { errors });
  expect(faultsOf(refused("unknown-network"))).toEqual({ network: "no" });
  expect(
    faultsOf(
      refused("invalid-parameter", [
        { pointer: "/budget_s", detail: "too small" },
        { pointer: "/", detail: "both" },
      ]),
    ),
  ).toEqual({ budgetMin: "too small", form: "both" });
  expect(faultsOf(refused("single-class"))).toEqual({ form: "no" });
});
