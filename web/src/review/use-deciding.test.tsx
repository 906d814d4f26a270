import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, it, vi } from "vitest";
import { away } from "../api/problem";
import type { Suspect } from "../api/queries";
import type { Decided } from "./saying";
import { useDeciding } from "./use-deciding";
import { usePosition } from "./use-position";

afterEach(cleanup);
const RANKS = Uint32Array.from({ length: 10 }, (_, k) => k);
const rows = Array.from(RANKS, (rank) => ({ rank, sample: rank, suggested_label: null }) as unknown as Suspect);
const rowsKey = ["rows", "A", null, RANKS.join(",")];

function screenOf(queries: QueryClient, decide = vi.fn((decided: Decided[]) => decided.length)) {
  const tell = vi.fn();
  const undo = vi.fn(async () => null);
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(
    () => {
      const position = usePosition(RANKS, "list");
      const actions = useDeciding(
        "A",
        null,
        RANKS,
        rows[position.focus],
        position,
        { decide, undo },
        false,
        tell,
        vi.fn(),
      );
      return { position, actions };
    },
    { wrapper },
  );
  const select = (...places: number[]) => {
    for (const place of places) act(() => result.current.position.pick(place, { range: false, more: true }));
  };
  return { result, tell, decide, select };
}

it("lets go of a selection only when it is decided", async () => {
  const queries = new QueryClient();
  queries.setQueryData(rowsKey, rows);
  const { result, tell, decide, select } = screenOf(queries);
  select(2, 5);
  act(() => result.current.actions.keep());
  await waitFor(() => expect(result.current.position.selected.size).toBe(0));
  expect(decide.mock.calls[0]?.[0].map(({ row }) => row.sample)).toEqual([2, 5]);
  expect(result.current.position.focus).toBe(6);
  expect(tell).toHaveBeenLastCalledWith("2 samples decided.");
});

it("keeps the selection and says that nothing was decided where its rows cannot be read", async () => {
  const queries = new QueryClient();
  vi.spyOn(queries, "ensureQueryData").mockRejectedValue(away());
  const { result, tell, decide, select } = screenOf(queries);
  select(2, 5);
  act(() => result.current.actions.keep());
  await waitFor(() => expect(tell).toHaveBeenLastCalledWith("Nothing was decided: The service does not answer."));
  expect(decide).not.toHaveBeenCalled();
  expect([...result.current.position.selected]).toEqual([2, 5]);
  expect(result.current.position.focus).toBe(5);
});

it("decides once while rows are read, and not at all when the selection changes meanwhile", async () => {
  const queries = new QueryClient();
  let arrive: (found: Suspect[]) => void = () => undefined;
  vi.spyOn(queries, "ensureQueryData").mockReturnValue(new Promise((resolve) => (arrive = resolve)));
  const { result, tell, decide, select } = screenOf(queries);
  select(2);
  act(() => result.current.actions.keep());
  act(() => result.current.actions.exclude());
  expect(tell).toHaveBeenLastCalledWith("The selected samples are still being read.");
  act(() => result.current.position.clear());
  await act(async () => arrive(rows));
  expect(tell).toHaveBeenLastCalledWith(expect.stringContaining("Nothing was decided"));
  expect(decide).not.toHaveBeenCalled();
});

it("says how many are decided where the browser has no room for all, and holds on to them", async () => {
  const queries = new QueryClient();
  queries.setQueryData(rowsKey, rows);
  const { result, tell, select } = screenOf(
    queries,
    vi.fn(() => 1),
  );
  select(2, 5);
  act(() => result.current.actions.keep());
  await waitFor(() => expect(tell).toHaveBeenLastCalledWith(expect.stringContaining("1 of 2 are decided")));
  expect(result.current.position.selected.size).toBe(2);
});

it("stays at a sample that was not decided, and tells of an error that is not want of room", () => {
  const { result, tell } = screenOf(
    new QueryClient(),
    vi.fn(() => {
      throw new TypeError("a hole");
    }),
  );
  expect(() => act(() => result.current.actions.keep())).toThrow("a hole");
  expect(tell).toHaveBeenLastCalledWith("This could not be kept: a hole");
  expect(result.current.position.focus).toBe(0);
});
