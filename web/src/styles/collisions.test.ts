import { expect, it } from "vitest";
import { collisions, selectors, subjects } from "./collisions";

const SHEETS = import.meta.glob<string>("/src/*/*.css", { query: "?raw", import: "default", eager: true });

it("knows whom a rule is about", () => {
  expect(selectors("/* .not */ .a, .b:is(.c, .d) > i { top: 0; } @media (width < 9px) { .e .f { top: 0; } }")).toEqual([
    ".a",
    ".b:is(.c, .d) > i",
    ".e .f",
  ]);
  expect(subjects(".list > li.row.main:not(.last)")).toEqual(["row", "main"]);
  expect(subjects(".list li")).toEqual([]);
});

it("finds a class that two screens style", () => {
  expect(
    collisions([
      ["map", ".tip { top: 0; }"],
      ["report", ".cut .tip { top: 1px; }"],
    ]),
  ).toEqual([".tip: map (.tip), report (.cut .tip)"]);
  expect(
    collisions([
      ["map", ".tip, .tip.long { top: 0; }"],
      ["report", ".tip .cut { top: 1px; }"],
    ]),
  ).toEqual([]);
});

it("lets a screen change a shared part only within something of its own", () => {
  const shared = ["styles", ".badge { top: 0; }"] as const;
  expect(collisions([shared, ["map", ".legend .badge { top: 1px; }"]])).toEqual([]);
  expect(collisions([shared, ["map", ".badge:hover { top: 1px; }"]])).toEqual([".badge: map (.badge:hover)"]);
});

it("gives every class to one folder", () => {
  const sheets = Object.entries(SHEETS).map(([path, css]) => [path.split("/").at(-2) ?? "", css] as const);
  const folders = new Set(sheets.map(([folder]) => folder));
  expect([...folders]).toEqual(expect.arrayContaining(["audits", "datasets", "map", "report", "review"]));
  for (const [, css] of sheets) expect(selectors(css).length).toBeGreaterThan(0);
  expect(collisions(sheets)).toEqual([]);
});
