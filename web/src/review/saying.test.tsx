import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keepOfTab } from "../ui/stored";
import { Judgements } from "./judgements";
import { outbox } from "./outbox";
import { useSaying } from "./saying";

/** A service that writes what it is told, refuses label "bad", and knows of one bulk decision. */
const service = vi.hoisted(() => {
  const made = {
    away: false,
    written: [] as { id: string; sample: number; undoes?: string }[],
    undone: [] as string[],
    bulkStatus: 200,
  };
  const problem = (status: number, code: string) =>
    new Response(JSON.stringify({ code, detail: `${code}.`, retryable: false }), { status });
  globalThis.fetch = async (input) => {
    const request = input as Request;
    if (made.away) throw new TypeError("Failed to fetch");
    if (request.url.includes("/undo")) {
      made.undone.push(request.url);
      return made.bulkStatus === 200 ? new Response('{"count": 30}') : problem(made.bulkStatus, "not-found");
    }
    const { reviews } = (await request.json()) as { reviews: { id: string; sample: number; label?: string }[] };
    if (reviews.some(({ label }) => label === "bad")) return problem(422, "unknown-class");
    made.written.push(...reviews);
    return new Response(JSON.stringify({ data: reviews, standing: [] }));
  };
  return made;
});

let audit = 0;
beforeEach(() => {
  audit++;
  service.away = false;
  service.bulkStatus = 200;
  service.written = [];
  service.undone = [];
});
afterEach(() => {
  outbox.discard(outbox.state().refused.map(({ id }) => id));
  cleanup();
  vi.restoreAllMocks();
});

const settled = () => vi.waitFor(() => expect(outbox.state().waiting).toBe(0));
const saying = (reviewer = "ann") => {
  const judgements = new Judgements();
  const again = vi.fn(async () => undefined);
  const { result } = renderHook(() => useSaying(`A${audit}`, reviewer, "list", judgements, again));
  return { judgements, again, now: result };
};
const of = (sample: number, label: string | null = null) => ({
  row: { sample, rank: sample + 100 },
  decision: label === null ? ("keep" as const) : ("relabel" as const),
  label,
});

it("takes back step by step what it said, the last first", async () => {
  const { judgements, now } = saying();
  expect(now.current.decide([of(1)])).toBe(1);
  expect(now.current.decide([of(2), of(3)])).toBe(2);
  expect(judgements.of(3, null)?.decision).toBe("keep");
  expect(await now.current.undo()).toEqual({ rank: 102, count: 2, left: 0 });
  expect(judgements.of(3, null)).toBeNull();
  expect(await now.current.undo()).toEqual({ rank: 101, count: 1, left: 0 });
  expect(await now.current.undo()).toBeNull();
  await settled();
  const said = service.written.slice(0, 3).map(({ id }) => id);
  expect(service.written.slice(3).map(({ undoes }) => undoes)).toEqual([said[1], said[2], said[0]]);
});

it("takes back what the service refused by letting go of it", async () => {
  const { now } = saying();
  now.current.decide([of(1)]);
  now.current.decide([of(2, "bad"), of(3)]);
  await settled();
  expect(outbox.state().refused.map(({ kept }) => kept?.saying.sample)).toEqual([2]);
  expect(await now.current.undo()).toMatchObject({ count: 2 });
  expect(outbox.state().refused).toEqual([]);
  await settled();
  expect(service.written.map(({ sample }) => sample)).toEqual([1, 3, 3]);
});

it("does not take back what somebody let go of", async () => {
  const { now } = saying();
  now.current.decide([of(1)]);
  now.current.decide([of(2, "bad")]);
  await settled();
  outbox.discard(outbox.state().refused.map(({ id }) => id));
  expect(await now.current.undo()).toMatchObject({ rank: 101, count: 1 });
});

it("decides and takes back as much as there is room for", async () => {
  const { now } = saying();
  const add = outbox.add.bind(outbox);
  vi.spyOn(outbox, "add")
    .mockImplementationOnce(add)
    .mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
  expect(now.current.decide([of(1), of(2), of(3)])).toBe(1);
  expect(await now.current.undo()).toEqual({ rank: 101, count: 0, left: 1 });
  vi.mocked(outbox.add).mockRestore();
  expect(await now.current.undo()).toEqual({ rank: 101, count: 1, left: 0 });
});

it("keeps the step of what was kept when something else breaks, and says what broke", async () => {
  const { now } = saying();
  const add = outbox.add.bind(outbox);
  vi.spyOn(outbox, "add")
    .mockImplementationOnce(add)
    .mockImplementation(() => {
      throw new TypeError("a hole");
    });
  expect(() => now.current.decide([of(1), of(2)])).toThrow("a hole");
  vi.mocked(outbox.add).mockRestore();
  expect(await now.current.undo()).toMatchObject({ rank: 101, count: 1 });
});

it("takes many back once, and keeps the step until it is known to be taken back", async () => {
  const { again, now } = saying();
  now.current.decide([of(1)]);
  await settled();
  now.current.didBulk("many", 30);
  service.away = true;
  await expect(now.current.undo()).rejects.toThrow("It is not known whether they were taken back.");
  service.away = false;
  again.mockRejectedValue(new Error("away again"));
  const first = now.current.undo();
  await expect(now.current.undo()).rejects.toThrow("still being taken back");
  expect(await first).toEqual({ rank: null, count: 30, left: 0 });
  expect(service.undone).toHaveLength(1);
  expect(await now.current.undo()).toMatchObject({ rank: 101 });
});

it("lets go of the step of many that the service knows nothing of", async () => {
  const { now } = saying();
  now.current.didBulk("many", 30);
  service.bulkStatus = 404;
  await expect(now.current.undo()).rejects.toThrow("knows of no such decisions");
  expect(await now.current.undo()).toBeNull();
});

it("takes nothing older back while it is not known whether many were decided", async () => {
  const { now } = saying();
  now.current.decide([of(1)]);
  act(() => keepOfTab(`bulk.A${audit}`, { id: "many" }));
  await expect(now.current.undo()).rejects.toThrow("open Decide many");
  act(() => keepOfTab(`bulk.A${audit}`, null));
  expect(await now.current.undo()).toMatchObject({ rank: 101 });
});

it("leaves what another person did at this browser alone", async () => {
  saying("ben").now.current.decide([of(1)]);
  expect(await saying("ann").now.current.undo()).toBeNull();
});
