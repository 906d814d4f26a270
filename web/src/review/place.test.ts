import { describe, expect, it } from "vitest";
import { bodyOf, choicesOf, chosen, listOf, ordered, type Place, placeOf, searchOf, sourceOf, toggled } from "./place";

const place = (search: string): Place => placeOf(new URLSearchParams(search));

describe("the address of a review", () => {
  it("is read and written without loss", () => {
    const address = "given=cat+%26+dog&is_issue=true&order=sharpened&as_of=17&sample=0";
    expect(searchOf(place(address)).toString()).toBe(address);
  });

  it("ignores what it does not know", () => {
    expect(place("order=best&sample=-1&as_of=x&colour=red")).toEqual({
      choices: {},
      order: "rank",
      asOf: null,
      sample: null,
    });
  });

  it("has no sharpened order without the review that it counts with", () => {
    expect(place("order=sharpened").order).toBe("rank");
  });

  it("leaves the sample out of what determines the list", () => {
    expect(listOf(place("verdict=wrong&sample=4&order=random")).toString()).toBe("verdict=wrong&order=random");
  });

  it("lets go of a choice that is chosen again, and replaces another one", () => {
    expect(toggled({ given: "cat" }, "given", "cat")).toEqual({});
    expect(toggled({ given: "cat", split: "train" }, "given", "dog")).toEqual({ given: "dog", split: "train" });
  });

  it("sends yes and no as such, but a class called true as text", () => {
    expect(bodyOf({ is_issue: "true", given: "true", score_from: "0.5" })).toEqual({
      is_issue: true,
      given: "true",
      score_from: 0.5,
    });
  });

  it("says what a random sample is of, so that filters, counts and decisions on many speak of the list", () => {
    const sampled = { is_issue: "false", decided: "false" };
    expect(place("order=random").choices).toEqual(sampled);
    expect(place("order=random&given=cat").choices).toEqual({ given: "cat" });
    expect(ordered(place("given=cat&is_issue=true"), "random", 9)).toEqual({
      choices: { given: "cat", ...sampled },
      order: "random",
      asOf: null,
    });
  });

  it("leaves a random sample with its filters, by another order or by letting go of all", () => {
    const sampled = place("given=cat&is_issue=false&decided=false&order=random");
    expect(ordered(sampled, "sharpened", 9)).toEqual({ choices: { given: "cat" }, order: "sharpened", asOf: 9 });
    expect(ordered(place("is_issue=false"), "rank", 9).choices).toEqual({ is_issue: "false" });
    expect(chosen(sampled, {})).toEqual({ choices: {}, order: "rank", asOf: null });
    expect(chosen(sampled, { given: "cat" })).toEqual({ choices: { given: "cat" }, order: "random", asOf: null });
  });

  it("calls only an honest sample random", () => {
    expect(sourceOf(place("order=random"), true)).toBe("random");
    expect(sourceOf(place("order=random&given=cat&is_issue=false&decided=false"), false)).toBe("list");
    expect(sourceOf(place("order=random&is_issue=true"), true)).toBe("blind");
    expect(sourceOf(place(""), true)).toBe("blind");
    expect(sourceOf(place(""), false)).toBe("list");
  });

  it("keeps what is asked of the service apart from the order", () => {
    expect(choicesOf(place("decided=false&order=random").choices).toString()).toBe("decided=false");
  });
});
