import { afterEach, expect, it, vi } from "vitest";
import { memory } from "../review/kept-of-tests";
import { keepOfTab, ofTab, remember, remembered, storageOf } from "./stored";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("goes without storage where a browser lets a page have none", () => {
  vi.spyOn(window, "localStorage", "get").mockImplementation(() => {
    throw new DOMException("denied", "SecurityError");
  });
  vi.spyOn(window, "sessionStorage", "get").mockImplementation(() => {
    throw new DOMException("denied", "SecurityError");
  });
  expect(storageOf("browser")).toBeNull();
  remember("theme", "dark");
  expect(remembered("theme")).toBeNull();
  keepOfTab("steps.1", [1]);
  expect(ofTab("steps.1")).toEqual([1]); // until the page is left
});

it("leaves nothing older in a tab where there is no room for what is newer", () => {
  const store = memory();
  vi.spyOn(window, "sessionStorage", "get").mockReturnValue(store);
  keepOfTab("steps.2", [1]);
  expect(store.getItem("labelaudit.steps.2")).toBe("[1]");
  store.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  keepOfTab("steps.2", [1, 2]);
  expect(store.getItem("labelaudit.steps.2")).toBeNull();
  expect(ofTab("steps.2")).toEqual([1, 2]);
});

it("takes what it cannot read for nothing", () => {
  sessionStorage.setItem("labelaudit.steps.3", "{");
  expect(ofTab("steps.3")).toBeNull();
});
