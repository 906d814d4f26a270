import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { said } from "../review/kept-of-tests";
import { outbox } from "../review/outbox";
import { Saved } from "./saved";

const service = vi.hoisted(() => {
  const made = { refuses: "", away: false };
  globalThis.fetch = async (input) => {
    if (made.away) throw new TypeError("Failed to fetch");
    const { reviews } = (await (input as Request).json()) as { reviews: { id: string }[] };
    if (!reviews.some(({ id }) => id === made.refuses))
      return new Response(JSON.stringify({ data: reviews, standing: [] }));
    return new Response(JSON.stringify({ code: "unknown-sample", detail: "This audit has no sample 7." }), {
      status: 422,
    });
  };
  return made;
});

afterEach(() => {
  outbox.discard(outbox.state().refused.map(({ id }) => id));
  cleanup();
});
const keys = () => Object.keys(localStorage).filter((key) => key.startsWith("labelaudit.outbox."));
const stateOf = () => document.querySelector(".saved")?.getAttribute("data-state");

it("says what was refused and why, and lets go of it only after that was read", async () => {
  service.refuses = "bad";
  render(<Saved />);
  expect(stateOf()).toBe("saved");
  for (const id of ["good", "bad", "fine"]) act(() => void outbox.add(said(id)));
  expect(await screen.findByText("✕ 1 decision not written")).toBeTruthy();
  await waitFor(() => expect(outbox.state().waiting).toBe(0));
  expect(keys()).toEqual(["labelaudit.outbox.bad"]); // kept
  expect(screen.queryByRole("button", { name: /Discard/ })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "See why" }));
  expect(screen.getByRole("heading", { name: "This audit has no sample 7." })).toBeTruthy();
  expect(screen.getByRole("link", { name: "sample 7" }).getAttribute("href")).toBe("/audits/A/review?sample=7");
  fireEvent.click(screen.getByRole("button", { name: "Keep it" }));
  expect(keys()).toHaveLength(1);
  fireEvent.click(screen.getByRole("button", { name: "See why" }));
  fireEvent.click(screen.getByRole("button", { name: "Discard 1 decision" }));
  expect(keys()).toEqual([]);
  expect(stateOf()).toBe("saved");
  expect(screen.queryByRole("dialog")).toBeNull();
});

it("says how many are not sent yet, and that they are kept", async () => {
  service.away = true;
  render(<Saved />);
  act(() => void outbox.add(said("waits")));
  const badge = await screen.findByText("⚠ 1 decision not sent yet");
  expect(badge.title).toBe(
    "The service does not answer. They are kept in this browser and sent when the service answers again.",
  );
  expect(stateOf()).toBe("offline");
  service.away = false;
  await act(() => outbox.send());
  expect(stateOf()).toBe("saved");
});
