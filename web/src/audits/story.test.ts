import { expect, it } from "vitest";
import { type Happened, heard, isOver, NOTHING, type Story } from "./story";

let id = 0;
const event = (type: string, data: Record<string, unknown> = {}): Happened => ({ id: ++id, type, at: "t", data });
const epoch = (n: number, loss: number) =>
  event("epoch", { epoch: n, train_loss: loss, train_accuracy: 0.5, test_accuracy: null });
const told = (events: readonly Happened[], before: Story = NOTHING) => events.reduce(heard, before);

it("draws a point for each epoch", () => {
  const { epochs } = told([epoch(1, 2), epoch(2, 1)]);
  expect(epochs).toEqual([
    { epoch: 1, loss: 2, train: 0.5, held: null, noise: null },
    { epoch: 2, loss: 1, train: 0.5, held: null, noise: null },
  ]);
});

it("takes the share of wrong labels when all of it is told, and else none", () => {
  const noiseOf = (noise: unknown) => told([event("epoch", { epoch: 1, noise })]).epochs[0]?.noise;
  const noise = { estimate: 0.08, low: 0.05, high: 0.12 };
  expect(noiseOf(noise)).toEqual(noise);
  expect(noiseOf({ estimate: 0.08, low: null, high: 0.12 })).toBeNull();
  expect(noiseOf(undefined)).toBeNull();
});

it("hears nothing twice, however often the line is lost", () => {
  const events = [epoch(1, 2), event("waiting", { detail: "The disk is full." })];
  const once = told(events);
  expect(told(events, once)).toBe(once);
  expect(once.notes.map(({ text }) => text)).toEqual(["The disk is full."]);
});

it("takes what the last attempt said of epochs that were done again", () => {
  const { epochs } = told([epoch(1, 2), epoch(2, 1.5), epoch(3, 1), event("resumed", { epoch: 1 }), epoch(2, 1.4)]);
  expect(epochs.map((one) => [one.epoch, one.loss])).toEqual([
    [1, 2],
    [2, 1.4],
  ]);
});

it("tells attempts, pauses and the end", () => {
  const { notes } = told([
    event("state", { status: "queued" }),
    event("state", { status: "running", attempt: 2 }),
    event("state", { status: "paused" }),
    event("state", { status: "queued", reason: "resumed" }),
    event("unheard-of", {}),
  ]);
  expect(notes.map(({ text }) => text)).toEqual([
    "Queued.",
    "A worker took it on, for the second time.",
    "Paused.",
    "Resumed: it waits for a worker.",
  ]);
  expect(isOver(event("state", { status: "failed" }))).toBe(true);
  expect(isOver(event("state", { status: "paused" }))).toBe(false);
});
