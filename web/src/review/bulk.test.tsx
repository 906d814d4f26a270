import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BulkDialog } from "./bulk";
import { unanswered } from "./bulk-request";

/** A service that decides on a hundred at a time, each id once; it may do so and its answer be lost. */
const service = vi.hoisted(() => {
  const made = { done: [] as string[], sent: [] as string[], lose: 0, refuse: false };
  const problem = (status: number, code: string) =>
    new Response(JSON.stringify({ code, detail: `${code}.`, retryable: false }), { status });
  globalThis.fetch = async (input) => {
    const request = input as Request;
    const body = (await request.json()) as { id: string; count?: number };
    const answer = { id: body.id, count: 100, expected_wrong: { estimate: 3, low: 1, high: 5 }, done: true };
    if (request.url.includes("dry_run=true")) return new Response(JSON.stringify({ ...answer, done: false }));
    made.sent.push(body.id);
    if (made.refuse) return problem(409, "count-differs");
    const again = made.done.includes(body.id);
    if (!again) made.done.push(body.id);
    if (made.lose > 0) {
      made.lose--;
      throw new TypeError("Failed to fetch");
    }
    return again ? problem(409, "already-done") : new Response(JSON.stringify(answer));
  };
  return made;
});

const PLACE = { choices: {}, order: "rank", asOf: null, sample: null } as const;
let audit = 0;
beforeEach(() => {
  audit++;
  Object.assign(service, { done: [], sent: [], lose: 0, refuse: false });
});
afterEach(cleanup);

function opened() {
  const onDone = vi.fn();
  const queries = new QueryClient({ defaultOptions: { mutations: { retryDelay: 1 } } });
  const shown = render(
    <QueryClientProvider client={queries}>
      <BulkDialog auditId={`A${audit}`} reviewer="ann" place={PLACE} onDone={onDone} onClose={vi.fn()} />
    </QueryClientProvider>,
  );
  const typeAndDecide = async () => {
    fireEvent.change(await screen.findByLabelText("Type 100 to do it"), { target: { value: "100" } });
    await act(async () => fireEvent.submit(screen.getByText("Decide 100").closest("form") as HTMLElement));
  };
  return { ...shown, onDone, typeAndDecide };
}

it("is done once though the answer was lost, and then can be undone", async () => {
  service.lose = 1;
  const { onDone, typeAndDecide } = opened();
  await typeAndDecide();
  await waitFor(() => expect(onDone).toHaveBeenCalledTimes(1));
  expect(service.done).toHaveLength(1);
  expect(service.sent).toHaveLength(2);
  expect(onDone).toHaveBeenCalledWith(service.done[0], 100);
  expect(unanswered(`A${audit}`)).toBeNull();
});

it("asks for no other while it is not known whether one was done, not even in a new dialog", async () => {
  service.lose = 4;
  const first = opened();
  await first.typeAndDecide();
  expect(await screen.findByText(/It is not known whether that was done/)).toBeTruthy();
  expect(first.onDone).not.toHaveBeenCalled();
  first.unmount();
  const second = opened();
  expect(screen.queryByText("Decide 100")).toBeNull();
  await act(async () => fireEvent.click(screen.getByRole("button", { name: "Ask again" })));
  await waitFor(() => expect(second.onDone).toHaveBeenCalledTimes(1));
  expect(second.onDone).toHaveBeenCalledWith(service.done[0], 100);
  expect(service.done).toHaveLength(1);
  expect(new Set(service.sent).size).toBe(1);
});

it("is not done when the service refuses it, and may be asked for anew", async () => {
  service.refuse = true;
  const { onDone, typeAndDecide } = opened();
  await typeAndDecide();
  expect(await screen.findByText("count-differs.")).toBeTruthy();
  expect(service.sent).toHaveLength(1);
  expect(unanswered(`A${audit}`)).toBeNull();
  service.refuse = false;
  await typeAndDecide();
  await waitFor(() => expect(onDone).toHaveBeenCalledTimes(1));
});
