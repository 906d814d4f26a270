import { describe, expect, it } from "vitest";
import { commandOf, isTaken, type Key, moved } from "./keys";

const press = (key: string, held: Partial<Key> = {}) =>
  commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

describe("keys", () => {
  it.each([
    ["q", "keep"],
    ["Q", "keep"],
    ["w", "accept"],
    ["e", "exclude"],
    ["n", "unsure"],
    ["u", "undo"],
    [" ", "select"],
    ["/", "search"],
    ["?", "help"],
    ["z", "zoom"],
  ])("%s means %s", (key, command) => {
    expect(press(key)).toEqual({ do: command });
  });

  it("takes digits as classes by likelihood", () => {
    expect(press("1")).toEqual({ do: "class", place: 0 });
    expect(press("9")).toEqual({ do: "class", place: 8 });
    expect(press("0")).toBeNull();
  });

  it("moves, with Shift as a range", () => {
    expect(press("j")).toEqual({ do: "move", by: "next", range: false });
    expect(press("ArrowUp", { shiftKey: true })).toEqual({ do: "move", by: "up", range: true });
  });

  it("leaves the browser's own keys alone, but for undoing and choosing all", () => {
    expect(press("r", { ctrlKey: true })).toBeNull();
    expect(press("w", { ctrlKey: true })).toBeNull();
    expect(press("q", { altKey: true })).toBeNull();
    expect(press("z", { ctrlKey: true })).toEqual({ do: "undo" });
    expect(press("a", { metaKey: true })).toEqual({ do: "all" });
  });

  it("belong to whoever types", () => {
    const input = document.createElement("input");
    const button = document.createElement("button");
    expect(isTaken(input, "q")).toBe(true);
    input.type = "checkbox";
    expect(isTaken(input, "q")).toBe(false);
    expect(isTaken(input, " ")).toBe(true);
    expect(isTaken(button, " ")).toBe(true);
    expect(isTaken(button, "q")).toBe(false);
    expect(isTaken(document.body, "q")).toBe(false);
  });

  it("stay inside the grid", () => {
    expect(moved(0, "previous", 5, 3, 100)).toBe(0);
    expect(moved(2, "down", 5, 3, 100)).toBe(7);
    expect(moved(98, "page-down", 5, 3, 100)).toBe(99);
    expect(moved(50, "first", 5, 3, 100)).toBe(0);
    expect(moved(50, "last", 5, 3, 100)).toBe(99);
  });
});
