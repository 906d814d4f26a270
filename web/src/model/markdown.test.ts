import { expect, test } from "vitest";
import { blocksOf, inlineOf } from "./markdown";

test("a card comes apart into its blocks", () => {
  const blocks = blocksOf(
    [
      "# A `card`",
      "",
      "Two lines",
      "of one paragraph.",
      "- one",
      "  goes on",
      "- two",
      "",
      "```python",
      "# no heading",
      "",
      "x = 1",
      "```",
      "end",
    ].join("\n"),
  );
  expect(blocks.map(({ kind }) => kind)).toEqual(["heading", "paragraph", "list", "code", "paragraph"]);
  expect(blocks[0]).toEqual({
    kind: "heading",
    level: 1,
    content: [
      { kind: "text", text: "A " },
      { kind: "code", text: "card" },
    ],
  });
  expect(blocks[1]).toMatchObject({ content: [{ text: "Two lines of one paragraph." }] });
  expect(blocks[2]).toMatchObject({ ordered: false, items: [[{ text: "one goes on" }], [{ text: "two" }]] });
  expect(blocks[3]).toEqual({ kind: "code", language: "python", text: "# no heading\n\nx = 1" });
});

test("a table has a head and rows", () => {
  const [table] = blocksOf("| a | b |\n|---|--:|\n| 1 | `2` |");
  expect(table).toMatchObject({
    kind: "table",
    head: [[{ text: "a" }], [{ text: "b" }]],
    rows: [[[{ text: "1" }], [{ kind: "code", text: "2" }]]],
  });
});

test("code without an end is code to the end", () => {
  expect(blocksOf("```\nx")).toEqual([{ kind: "code", language: "", text: "x" }]);
});

test("HTML is text, and a link that is no web address is text", () => {
  expect(blocksOf("<img src=x onerror=alert(1)>")).toEqual([
    { kind: "paragraph", content: [{ kind: "text", text: "<img src=x onerror=alert(1)>" }] },
  ]);
  expect(inlineOf("[here](javascript:alert)")).toEqual([{ kind: "text", text: "[here](javascript:alert)" }]);
  expect(inlineOf("see [this](https://example.org/a) **now**")).toEqual([
    { kind: "text", text: "see " },
    { kind: "link", text: "this", href: "https://example.org/a" },
    { kind: "text", text: " " },
    { kind: "strong", text: "now" },
  ]);
});

test("every kind of text comes to an end, whatever it is", () => {
  for (const text of ["", "\n\n", "|", "|\n|-|", "- ", "1.", "#", "# ", "```", "a\n- b", "| a |\n|---|"])
    expect(() => blocksOf(text)).not.toThrow();
});
