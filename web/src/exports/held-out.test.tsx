import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { type Agreed, HeldOut } from "./held-out";

afterEach(cleanup);

function asked() {
  const said = vi.fn<(agreed: Agreed) => void>();
  render(<HeldOut there={1234} onAgree={said} />);
  return said;
}

test("a tick alone changes nothing, and keeps others waiting", () => {
  const said = asked();
  fireEvent.click(screen.getByLabelText("Change them too"));
  expect(said).toHaveBeenLastCalledWith("open");
});

test("only the very number is an agreement, and it can be taken back", () => {
  const said = asked();
  fireEvent.click(screen.getByLabelText("Change them too"));
  const number = screen.getByRole("textbox");
  fireEvent.change(number, { target: { value: "123" } });
  expect(said).toHaveBeenLastCalledWith("open");
  fireEvent.change(number, { target: { value: " 1234 " } });
  expect(said).toHaveBeenLastCalledWith(1234);
  fireEvent.click(screen.getByLabelText("Change them too"));
  expect(said).toHaveBeenLastCalledWith(null);
});

test("nothing is asked where nothing would change", () => {
  const { container } = render(<HeldOut there={0} onAgree={() => undefined} />);
  expect(container.textContent).toBe("");
});
