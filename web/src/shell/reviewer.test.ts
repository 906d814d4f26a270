import { expect, it } from "vitest";
import { reviewerOf } from "./reviewer";

it("leaves out of a name what the service refuses", () => {
  expect(reviewerOf("  Ann\tLee\r\n")).toBe("Ann Lee");
  expect(reviewerOf("\u0000\u007f\u0085\ud800")).toBe("local");
  expect(reviewerOf("")).toBe("local");
  expect(reviewerOf("Zoë 李 🙂")).toBe("Zoë 李 🙂");
});
