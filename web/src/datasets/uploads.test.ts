import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Problem } from "../api/problem";
import { begun } from "./unfinished";
import { Uploads, words } from "./uploads";

beforeEach(() => localStorage.clear());
afterEach(() => vi.unstubAllGlobals());

const file = (content = "abc") => ({
  source: {
    name: "a.zip",
    size: content.length,
    slice: (from: number, to: number) => new Blob([content.slice(from, to)]),
  },
  modified: 1,
});
const until = (uploads: Uploads, state: string) =>
  vi.waitFor(() => expect(uploads.all().map((upload) => upload.state)).toContain(state));

/** A service on which every PATCH hangs until it is given up, and which remembers what it was asked. */
function hanging() {
  const calls: string[] = [];
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    calls.push(`${init.method} ${address}`);
    if (init.method === "POST")
      return Promise.resolve(new Response(null, { status: 201, headers: { Location: "/v1/uploads/u1" } }));
    if (init.method === "HEAD") return Promise.resolve(new Response(null, { headers: { "Upload-Offset": "1" } }));
    if (init.method === "DELETE") return Promise.resolve(new Response(null, { status: 204 }));
    return new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  });
  return calls;
}

it("remembers where an upload is, and goes on there after a pause", async () => {
  const calls = hanging();
  const uploads = new Uploads();
  uploads.add(file());
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"));
  const [upload] = uploads.all();
  uploads.pause(upload?.id ?? "");
  expect(uploads.busy()).toBe(false);
  expect(Object.values(begun()).map(({ address }) => address)).toEqual(["/v1/uploads/u1"]);
  uploads.resume(upload?.id ?? "");
  await until(uploads, "sending");
  expect(calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  expect(uploads.all()[0]).toMatchObject({ sent: 1, resumed: true });
});

it("removes what was sent when it is cancelled", async () => {
  const calls = hanging();
  const uploads = new Uploads();
  uploads.add(file());
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"));
  uploads.cancel(uploads.all()[0]?.id ?? "");
  expect(uploads.all()).toEqual([]);
  expect(begun()).toEqual({});
  expect(calls.at(-1)).toBe("DELETE /v1/uploads/u1");
});

it("does not send the same file twice at once", async () => {
  const calls = hanging();
  const uploads = new Uploads();
  uploads.add(file());
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"));
  uploads.add(file());
  await vi.waitFor(() => expect(uploads.all()).toHaveLength(1));
  uploads.add(file("other"));
  await vi.waitFor(() => expect(calls.filter((call) => call.startsWith("POST"))).toHaveLength(2));
});

it("does not offer to send an empty file again", async () => {
  const uploads = new Uploads();
  uploads.add(file(""));
  await until(uploads, "failed");
  expect(uploads.all()[0]).toMatchObject({ again: false, why: "The file is empty. Choose one with images." });
});

it("says what to do about a full disk, a missing key and a proxy", () => {
  expect(words(new Problem("insufficient-storage", "Full.", 507, false))).toMatch(/Full\..*room/);
  expect(words(new Problem("unauthenticated", "No.", 401, false))).toMatch(/Sign in/);
  expect(words(new Problem("unknown", "Status 413.", 413, false))).toMatch(/proxy/);
  expect(words(new Problem("upload-used", "It is.", 409, false))).toBe("It is.");
});
