import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";
import { SplitChoice } from "./choices";
import type { Agreed } from "./held-out";
import type { Split } from "./splits";

afterEach(cleanup);

function Chooser() {
  const [chosen, setChosen] = useState<ReadonlySet<Split>>(new Set());
  const [agreed, setAgreed] = useState<Agreed>(null);
  return (
    <>
      <SplitChoice
        there={["train", "test"]}
        chosen={chosen}
        onChoose={(next) => {
          setChosen(next);
          setAgreed(null);
        }}
        heldOut={7}
        onAgree={setAgreed}
      />
      <output>{String(agreed)}</output>
    </>
  );
}

test("where no held-out split is exported nothing is asked", () => {
  render(<Chooser />);
  fireEvent.click(screen.getByLabelText("train"));
  expect(screen.queryByLabelText("Change them too")).toBeNull();
});

test("other splits need another agreement", () => {
  render(<Chooser />);
  fireEvent.click(screen.getByLabelText("Change them too"));
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "7" } });
  expect(screen.getByText("✓ agreed")).toBeTruthy();
  fireEvent.click(screen.getByLabelText("test"));
  expect(screen.queryByText("✓ agreed")).toBeNull();
  expect(screen.getByText("null")).toBeTruthy();
});
