import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Problem } from "../api/problem";
import { file, freshBrowser, hangs, PATIENCE, service, until } from "./testing";
import { begun } from "./unfinished";
import { Uploads } from "./uploads";
import { words } from "./words";

beforeEach(freshBrowser);
afterEach(() => vi.unstubAllGlobals());

/** A service that has a byte, and on which every PATCH hangs until it is given up. */
const hanging = () =>
  service((method, _, { signal }) => {
    if (method === "HEAD") return new Response(null, { headers: { "Upload-Offset": "1" } });
    return method === "PATCH" ? hangs(signal) : null;
  });

it("remembers where an upload is, and goes on there after a pause", async () => {
  const calls = hanging();
  const uploads = new Uploads();
  uploads.add(file());
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"), PATIENCE);
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
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"), PATIENCE);
  uploads.cancel(uploads.all()[0]?.id ?? "");
  expect(uploads.all()).toEqual([]);
  expect(begun()).toEqual({});
  expect(calls.at(-1)).toBe("DELETE /v1/uploads/u1");
});

it("does not send the same file twice at once", async () => {
  const calls = hanging();
  const uploads = new Uploads();
  uploads.add(file());
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"), PATIENCE);
  uploads.add(file());
  await vi.waitFor(() => expect(uploads.all()).toHaveLength(1), PATIENCE);
  uploads.add(file("other words"));
  await vi.waitFor(() => expect(calls.filter((call) => call.startsWith("POST"))).toHaveLength(2), PATIENCE);
});

it("does not offer to send an empty file again", async () => {
  const uploads = new Uploads();
  uploads.add(file(""));
  await until(uploads, "refused");
  expect(uploads.all()[0]).toMatchObject({ state: "refused", why: "The file is empty. Choose one with images." });
});

it("says what to do about a full disk, a missing key and a proxy", () => {
  expect(words(new Problem("insufficient-storage", "Full.", 507, false))).toMatch(/Full\..*room/);
  expect(words(new Problem("unauthenticated", "No.", 401, false))).toMatch(/Sign in/);
  expect(words(new Problem("unknown", "Status 413.", 413, false))).toMatch(/proxy/);
  expect(words(new Problem("upload-used", "It is.", 409, false))).toBe("It is.");
});
