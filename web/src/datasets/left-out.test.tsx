import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { Dataset } from "../api/queries";
import { LeftOutFiles } from "./left-out";
import type { LeftOut, Outcome } from "./queries";

/** A service: what it would answer now to who asks for files of an outcome, and how to keep it from answering. */
const service = vi.hoisted(() => {
  const it = { files: {} as Partial<Record<Outcome, LeftOut[]>>, held: Promise.resolve() };
  globalThis.fetch = async (input) => {
    const outcome = new URL((input as Request).url).searchParams.get("outcome") as Outcome;
    await it.held;
    return Response.json({ data: it.files[outcome] ?? [], next: null });
  };
  return it;
});

const BROKEN: LeftOut = {
  member: "few/broken.png",
  outcome: "rejected",
  code: "bad-image",
  detail: "It breaks off.",
  sha256: null,
};

afterEach(cleanup);

function opened() {
  const queries = new QueryClient();
  const at = (dataset: Pick<Dataset, "id" | "status" | "counts">) => (
    <QueryClientProvider client={queries}>
      <LeftOutFiles dataset={dataset as Dataset} />
    </QueryClientProvider>
  );
  const shown = render(at({ id: "d1", status: "ingesting", counts: null }));
  const idle = () => vi.waitFor(() => expect(queries.isFetching()).toBe(0));
  const read = (rejected: number, ignored = 0) =>
    shown.rerender(
      at({ id: "d1", status: "ready", counts: { seen: 9, accepted: 9 - rejected - ignored, rejected, ignored } }),
    );
  return { idle, read };
}

/** Keeps the service from answering until what is returned is called. */
function hold(): () => void {
  let free = () => {};
  service.held = new Promise((resolve) => {
    free = resolve;
  });
  return free;
}

it("asks for the list anew when the dataset is read, though one was fetched a moment ago", async () => {
  service.files = {};
  const { idle, read } = opened();
  await idle();
  service.files = { rejected: [BROKEN] };
  const free = hold();
  read(1);
  expect(screen.queryByText("There are none.")).toBeNull(); // nobody knows yet
  expect(screen.getByText("Loading the files", { exact: false })).toBeTruthy();
  free();
  expect(await screen.findByText("few/broken.png")).toBeTruthy();
});

it("keeps showing what came in while the whole list is on its way", async () => {
  service.files = { rejected: [BROKEN] };
  const { idle, read } = opened();
  await idle();
  service.files = { rejected: [BROKEN, { ...BROKEN, member: "few/late.png" }] };
  const free = hold();
  read(2);
  expect(screen.getByText("few/broken.png")).toBeTruthy();
  free();
  expect(await screen.findByText("few/late.png")).toBeTruthy();
});
