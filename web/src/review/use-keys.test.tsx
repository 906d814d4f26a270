import { cleanup, fireEvent, renderHook } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { Actions } from "./use-deciding";
import { useKeys } from "./use-keys";
import type { Position } from "./use-position";

afterEach(cleanup);

it("moves while a key is held, but decides, selects and undoes once", () => {
  const told = { keep: vi.fn(), undo: vi.fn(), toggle: vi.fn(), goTo: vi.fn() };
  const actions = { keep: told.keep, undo: told.undo } as unknown as Actions;
  const position = { toggle: told.toggle, goTo: told.goTo, focus: 3 } as unknown as Position;
  const shape = { current: { columns: 4, rows: 2 } };
  renderHook(() => useKeys(true, 100, shape, undefined, null, position, actions, vi.fn(), vi.fn()));
  for (const key of ["q", "u", " ", "j"])
    for (const repeat of [false, true, true]) fireEvent.keyDown(document.body, { key, repeat });
  expect(told.keep).toHaveBeenCalledTimes(1);
  expect(told.undo).toHaveBeenCalledTimes(1);
  expect(told.toggle).toHaveBeenCalledTimes(1);
  expect(told.goTo).toHaveBeenCalledTimes(3);
});
