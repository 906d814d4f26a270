import { QueryClient, QueryClientProvider, QueryObserver } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Judgement } from "../api/queries";

/** A service: what it answers to which address, and what it was asked. */
const service = vi.hoisted(() => {
  const it = { asked: [] as string[], answer: (_: URL): unknown => ({}) };
  globalThis.fetch = async (input) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    it.asked.push(url.pathname + url.search);
    const body = it.answer(url);
    return body instanceof Response ? body : Response.json(body);
  };
  return it;
});

import { Judgements } from "./judgements";
import { refresh, useListening } from "./listening";

const KEEP: Judgement = {
  sample: 0,
  decision: "keep",
  label: null,
  reviewer: "ann",
  source: "list",
  at: "2026-01-01T00:00:00Z",
  seq: 1,
  disputed: false,
};
const review = (seq: number, sample: number) => ({ ...KEEP, seq, sample, id: `r${seq}`, reviewer: "ben" });

let queries: QueryClient;
beforeEach(() => {
  queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  service.asked = [];
  vi.useFakeTimers();
});
afterEach(() => {
  cleanup();
  queries.clear();
  vi.useRealTimers();
});

/** Rows that somebody looks at; how to let the next fetch of them end. */
function rows(): { end: (how: "well" | "badly") => void } {
  const ends: ((how: "well" | "badly") => void)[] = [];
  const observer = new QueryObserver(queries, {
    queryKey: ["rows", "a1", null, "1"],
    queryFn: () =>
      new Promise((resolve, reject) => {
        ends.push((how) => (how === "well" ? resolve([]) : reject(new Error("away"))));
      }),
    initialData: [],
    staleTime: Number.POSITIVE_INFINITY,
  });
  observer.subscribe(() => undefined);
  return { end: (how) => ends.shift()?.(how) };
}

test("what is decided while rows are fetched anew is not forgotten with what was decided before", async () => {
  const judgements = new Judgements();
  const shown = rows();
  judgements.set(1, KEEP);
  const done = refresh(queries, "a1", judgements);
  judgements.set(2, KEEP);
  shown.end("well");
  expect(await done).toBe(true);
  expect([judgements.of(1, null), judgements.of(2, null)]).toEqual([null, KEEP]);
});

test("without an answer nothing is forgotten", async () => {
  const judgements = new Judgements();
  const shown = rows();
  judgements.set(1, KEEP);
  const done = refresh(queries, "a1", judgements);
  shown.end("badly");
  expect(await done).toBe(false);
  expect(judgements.of(1, null)).toEqual(KEEP);
});

const passing = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const after = (url: URL) => Number(url.searchParams.get("after"));
const looks = () => service.asked.filter((asked) => asked.includes("/reviews?"));

function listening() {
  const judgements = new Judgements();
  const around = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  return { judgements, ...renderHook(() => useListening("a1", judgements), { wrapper: around }) };
}

test("where much was said one look is enough, and it goes on after the last of it", async () => {
  service.answer = (url) => {
    if (url.pathname.endsWith("/summary")) return { last: looks().length === 0 ? 5 : 50_000 };
    return after(url) === 5 ? { data: [review(6, 1), review(7, 2)], next: 7 } : { data: [], next: null };
  };
  const { result } = listening();
  await passing(3100);
  expect(result.current.heard).toBe("ben: more than 1,000 decisions.");
  await passing(3100);
  expect(looks().map((asked) => after(new URL(asked, "http://here")))).toEqual([5, 50_000]);
  await passing(10_000);
  expect(result.current.heard).toBeNull();
});

test("what could not be looked at is looked at again", async () => {
  let away = true;
  service.answer = (url) => {
    if (url.pathname.endsWith("/summary")) return { last: 5 };
    if (url.pathname.endsWith("/samples/1"))
      return away ? new Response("", { status: 502 }) : { sample: 1, judgement: { ...KEEP, sample: 1 } };
    return after(url) === 5 ? { data: [review(6, 1)], next: null } : { data: [], next: null };
  };
  const { judgements, result } = listening();
  await passing(3100);
  expect(judgements.of(1, null)).toBeNull();
  away = false;
  await passing(3100);
  expect(judgements.of(1, null)?.decision).toBe("keep");
  expect(result.current.heard).toBe("ben: one decision.");
  await passing(3100);
  expect(looks().map((asked) => after(new URL(asked, "http://here")))).toEqual([5, 5, 6]);
});
