import { expect, it } from "vitest";
import { csv } from "./csv";

it("quotes what would break a line or a cell", () => {
  expect(
    csv(
      ["a", "b"],
      [
        ['say "hi"', "x,y"],
        ["two\nlines", " space"],
      ],
    ),
  ).toBe('a,b\r\n"say ""hi""","x,y"\r\n"two\nlines"," space"\r\n');
});

it("lets no cell be a formula", () => {
  for (const start of ["=", "+", "-", "@", "\t", "\r", "＝"]) {
    const [, line] = csv(["file"], [[`${start}HYPERLINK("http://x")`]]).split("\r\n");
    expect(line?.replace(/^"/, "").startsWith("'")).toBe(true);
  }
  expect(csv(["file"], [["cat/1-2=3.png"]])).toBe("file\r\ncat/1-2=3.png\r\n");
});
