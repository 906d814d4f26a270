import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { NewExport } from "./new-export";

const service = vi.hoisted(() => {
  const made = { keys: [] as (string | null)[], lose: true };
  globalThis.fetch = async (input) => {
    made.keys.push((input as Request).headers.get("Idempotency-Key"));
    if (made.lose) throw new TypeError("Failed to fetch");
    return new Response('{"format": "csv"}', { status: 202 });
  };
  return made;
});
afterEach(cleanup);

it("begins an export once though its answer was lost, and the next as another", async () => {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <NewExport auditId="A" splits={["train"]} heldOut={0} />
    </QueryClientProvider>,
  );
  const [button] = screen.getAllByRole("button", { name: /^Export as/ });
  const exportIt = async (times: number) => {
    if (button) fireEvent.click(button);
    await waitFor(() => expect(service.keys).toHaveLength(times));
  };
  await exportIt(1);
  expect(await screen.findByText("The service does not answer.")).toBeTruthy(); // and nothing is said to be kept
  service.lose = false;
  await exportIt(2);
  await screen.findByText(/is on its way/);
  await exportIt(3);
  const [first, again, next] = service.keys;
  expect(first).toBeTruthy();
  expect(again).toBe(first);
  expect(next).not.toBe(first);
});
