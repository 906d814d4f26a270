import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ClassPicker } from "./class-picker";

afterEach(cleanup);

test("Enter takes the class that is found, but not while letters are still being put together", () => {
  const choose = vi.fn();
  render(<ClassPicker classes={["ねこ", "いぬ"]} onChoose={choose} onClose={() => undefined} />);
  const input = screen.getByLabelText("Find a class");
  fireEvent.change(input, { target: { value: "いぬ" } });
  fireEvent.keyDown(input, { key: "Enter", isComposing: true });
  expect(choose).not.toHaveBeenCalled();
  fireEvent.keyDown(input, { key: "Enter" });
  expect(choose).toHaveBeenCalledExactlyOnceWith("いぬ");
});
