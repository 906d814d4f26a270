import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, it, vi } from "vitest";
import { useJudging } from "./judging";
import { outbox } from "./outbox";

/** A service that refuses to exclude, and says that sample 1 was judged before. */
vi.hoisted(() => {
  globalThis.fetch = async (input) => {
    const { url, method } = input as Request;
    if (method === "POST")
      return new Response(JSON.stringify({ code: "no", detail: "No.", retryable: false }), { status: 422 });
    if (url.endsWith("/samples/1"))
      return new Response('{"sample": 1, "judgement": {"sample": 1, "decision": "keep"}}');
    return new Response("{}");
  };
});
afterEach(cleanup);

it("shows of a sample what counted before when a refused decision is let go of", async () => {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(() => useJudging("A", "ann", "list"), { wrapper });
  const { decide, judgements } = result.current;
  for (const sample of [1, 2]) decide([{ row: { sample, rank: sample }, decision: "exclude", label: null }]);
  await vi.waitFor(() => expect(outbox.state().refused).toHaveLength(2));
  expect(judgements.of(1, null)?.decision).toBe("exclude");
  outbox.discard(outbox.state().refused.map(({ id }) => id));
  await vi.waitFor(() => expect(judgements.of(1, null)?.decision).toBe("keep"));
  await vi.waitFor(() => expect(judgements.of(2, null) ?? null).toBeNull());
});
