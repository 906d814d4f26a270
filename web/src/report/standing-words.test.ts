import { expect, test } from "vitest";
import { judged, missed, type Stands, sentence, swayed } from "./standing-words";

const state: Stands = {
  decisions: { keep: 12, relabel: 180, exclude: 8, unsure: 10 },
  precision: { estimate: 0.94, low: 0.9, high: 0.97 },
  left: 9000,
  errors_left: { estimate: 130.4, low: 90, high: 180 },
  next: 200,
  errors_next: { estimate: 9, low: 5, high: 15 },
  advice: "go-on",
};

test("the sentence has the precision, what is left and what comes next", () => {
  expect(sentence(state)).toBe(
    "Confirmed precision 94 % (90–97), about 130 (90–180) errors left, the next 200 contain 9 (5–15).",
  );
});

test("without a judged flag it claims no precision", () => {
  expect(sentence({ ...state, precision: null })).toMatch(
    /^No flagged label is judged yet, about 130 \(90–180\) errors left/,
  );
});

test("when all is judged nothing is left to promise", () => {
  expect(sentence({ ...state, left: 0, next: 0 })).toBe("Confirmed precision 94 % (90–97); every sample is judged.");
});

test("judged and left are all there is: who is unsure has judged too", () => expect(judged(state)).toBe(210));

test("what chance showed is told with its interval, once there is something", () => {
  expect(missed({ random: { judged: 0, wrong: 0, share: null } })).toBeNull();
  const share = { estimate: 0.01, low: 0.0003, high: 0.054 };
  expect(missed({ random: { judged: 100, wrong: 1, share } })).toBe(
    "Of 100 samples without a flag, looked at by chance, 1 was wrong: 1.0 % (0.0–5.4).",
  );
});

test("seen and blind are told beside each other, where there is enough of both", () => {
  const seen = { judged: 200, agreed: 180, share: { estimate: 0.9, low: 0.85, high: 0.94 } };
  const blind = { judged: 50, agreed: 35, share: { estimate: 0.7, low: 0.57, high: 0.81 } };
  expect(swayed({ seen, blind: { judged: 9, agreed: 1, share: null } })).toBeNull();
  expect(swayed({ seen: { judged: 0, agreed: 0, share: null }, blind })).toBeNull();
  expect(swayed({ seen, blind })).toBe(
    "People decided as suggested on 90 % (85–94) of 200 samples while they saw what is suggested, and on 70 % (57–81) of 50 while it was hidden. What is suggested sways who judges.",
  );
  const like = { ...blind, share: { estimate: 0.86, low: 0.74, high: 0.93 } };
  expect(swayed({ seen, blind: like })).toMatch(/These numbers do not show that what is suggested sways who judges\.$/);
});
