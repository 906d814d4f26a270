import { expect, it, vi } from "vitest";
import { Problem } from "../api/problem";
import { deliver, isAboutAll } from "./delivery";
import { said } from "./kept-of-tests";

const service = vi.hoisted(() => {
  const made = { answer: (_: Request): Response => new Response(null), asked: [] as unknown[] };
  globalThis.fetch = async (input) => {
    const request = input as Request;
    made.asked.push([request.url, await request.clone().json()]);
    return made.answer(request);
  };
  return made;
});
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const wrote = (...ids: string[]) => json({ data: ids.map((id) => ({ id })), standing: [{ sample: 7 }] });

it("speaks for one person about one audit, and brings how the samples stand", async () => {
  service.answer = () => wrote("a", "b");
  expect(await deliver([said("a"), said("b")])).toEqual([{ sample: 7 }]);
  const reviews = ["a", "b"].map((id) => ({ id, sample: 7, decision: "keep" }));
  const body = { reviewer: "ann", source: "list", reviews };
  expect(service.asked).toEqual([[`${window.location.origin}/v1/audits/A/reviews`, body]]);
});

it.each([
  ["nothing", () => new Response(null, { status: 200 })],
  ["nothing, of no length", () => new Response("", { status: 200, headers: { "Content-Length": "0" } })],
  ["an object of something else", () => json({})],
  ["other decisions", () => wrote("x", "y")],
  ["one decision too few", () => wrote("a")],
  ["a page to sign in to a network", () => new Response("<html>", { status: 200 })],
])("does not take %s for written", async (_, answer) => {
  service.answer = answer;
  await expect(deliver([said("a"), said("b")])).rejects.toThrow();
});

it("knows a refusal of all from one of a single decision", () => {
  const refusal = (status: number, ...pointers: string[]) =>
    new Problem(
      "no",
      "",
      status,
      false,
      pointers.length > 0 ? { errors: pointers.map((pointer) => ({ pointer })) } : {},
    );
  expect(isAboutAll(refusal(404))).toBe(true);
  expect(isAboutAll(refusal(422, "/reviews/3/label", "/reviewer"))).toBe(true);
  expect(isAboutAll(refusal(422, "/reviews/3/label"))).toBe(false);
  expect(isAboutAll(refusal(422))).toBe(false);
});
