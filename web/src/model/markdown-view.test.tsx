import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Markdown } from "./markdown-view";

afterEach(cleanup);

test("what looks like HTML in a card stays text", () => {
  const { container } = render(<Markdown text={"# <b>bold</b>\n\n<img src=x>\n\n```html\n<script>1</script>\n```"} />);
  expect(container.querySelector("b, img, script")).toBeNull();
  expect(screen.getByRole("heading", { level: 3 }).textContent).toBe("<b>bold</b>");
  expect(container.querySelector("pre")?.textContent).toBe("<script>1</script>");
});

test("long code is folded, short code is not", () => {
  const long = Array.from({ length: 40 }, (_, k) => `line ${k}`).join("\n");
  const { container } = render(<Markdown text={`\`\`\`python\n${long}\n\`\`\`\n\n\`\`\`\nshort\n\`\`\``} />);
  expect(container.querySelector("details > pre")?.textContent).toBe(long);
  expect(screen.getByText("40 lines of python code")).toBeTruthy();
  expect(container.querySelectorAll("pre")).toHaveLength(2);
});
