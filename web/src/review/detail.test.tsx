import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { Evidence } from "../api/queries";
import { Detail } from "./detail";
import { evidenceQuery } from "./queue";
import { KEPT } from "./said-of-tests";
import type { Actions } from "./use-deciding";

vi.hoisted(() => {
  globalThis.fetch = () => new Promise(() => {}); // nobody answers
});

const ROW: Evidence = {
  rank: 1,
  sample: 4,
  path: "a.png",
  split: null,
  given_label: "cat",
  suggested_label: "dog",
  suggested_confidence: 0.9,
  score: 0.9,
  is_issue: true,
  verdict: "wrong",
  reasons: [],
  top: null,
  conflict: null,
  iam: 0,
  hm_weight: 0,
  aum: 0,
  tkum: 0,
  loss: 0,
  image: "/image",
  sharpened: null,
  judgement: null,
  curves: null,
  reviews: [{ ...KEPT, decision: "exclude" }],
  earlier: [{ dataset_id: "d1", version: 1, reviews: [{ ...KEPT, reviewer: "ben" }] }],
};

afterEach(cleanup);

function shown(blind: boolean): string {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  queries.setQueryData(evidenceQuery("a1", 4).queryKey, ROW);
  const looks = { blind, only: blind ? "ann" : null } as Parameters<typeof Detail>[0]["looks"];
  const { container } = render(
    <QueryClientProvider client={queries}>
      <Detail
        auditId="a1"
        sample={4}
        judgement={null}
        looks={looks}
        classes={["cat", "dog"]}
        pinned={false}
        actions={{} as Actions}
      />
    </QueryClientProvider>,
  );
  return container.textContent ?? "";
}

it("tells what was said of a sample in an earlier version", () => {
  expect(shown(false)).toContain("In version 1 ben said: keep.");
  expect(screen.getByRole("link", { name: "version 1" }).getAttribute("href")).toBe("/datasets/d1");
});

it("tells whoever judges blind only what they said themselves", () => {
  const told = shown(true);
  expect(told).toContain("ann exclude");
  expect(told).not.toMatch(/version|ben|rank/);
});
