import { expect, test } from "vitest";
import { fetching, MODEL_FILES } from "./loading-code";

test("the commands fetch every file and check those whose hashes are known", () => {
  const lines = fetching("http://here:8484", "a1", new Map([["config.json", "ab12"]])).split("\n");
  for (const name of MODEL_FILES) expect(lines[1]).toContain(name);
  expect(lines[1]).toContain("http://here:8484/v1/audits/a1/model/$file");
  expect(lines.slice(2)).toEqual(["sha256sum -c <<'END'", "ab12  config.json", "END"]);
});
