import { expect, test } from "vitest";
import type { Judgement } from "../api/queries";
import { Judgements } from "./judgements";

const said = (sample: number, decision: Judgement["decision"]): Judgement => ({
  sample,
  decision,
  label: null,
  reviewer: "ann",
  source: "list",
  at: "2026-01-01T00:00:00Z",
  seq: 1,
  disputed: false,
});

test("what is newer than a row counts, and that a decision was taken back does too", () => {
  const judgements = new Judgements();
  expect(judgements.of(1, said(1, "keep"))?.decision).toBe("keep");
  judgements.set(1, said(1, "exclude"));
  expect(judgements.of(1, said(1, "keep"))?.decision).toBe("exclude");
  judgements.set(1, null);
  expect(judgements.of(1, said(1, "keep"))).toBeNull();
});

test("new rows make only that forgotten which was there when they were asked for", () => {
  const judgements = new Judgements();
  judgements.set(1, said(1, "keep"));
  judgements.set(2, said(2, "keep"));
  const asked = judgements.now;
  judgements.set(2, said(2, "exclude"));
  judgements.forget(asked);
  expect(judgements.of(1, null)).toBeNull();
  expect(judgements.of(2, null)?.decision).toBe("exclude");
});

test("an answer that was asked for before a decision says nothing against it", () => {
  const judgements = new Judgements();
  const asked = judgements.now;
  judgements.set(1, said(1, "exclude"));
  judgements.learn(1, said(1, "keep"), asked);
  expect(judgements.of(1, null)?.decision).toBe("exclude");
  judgements.learn(1, said(1, "unsure"), judgements.now);
  expect(judgements.of(1, null)?.decision).toBe("unsure");
});
