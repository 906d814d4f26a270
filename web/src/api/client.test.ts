import { afterEach, expect, it, vi } from "vitest";
import { answer, api, bytes, onSignedOut } from "./client";

afterEach(() => vi.unstubAllGlobals());

const service = (answers: () => Response | Promise<Response>) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => answers()),
  );
const refusal = (status: number) => Response.json({ code: "no", detail: "Not so.", retryable: true }, { status });
const calls = [
  () => answer(api.GET("/v1/audits/{audit_id}", { params: { path: { audit_id: "a" } } })),
  () => bytes("/v1/audits/a/queue"),
];

it("throws what the service says against it, and what a browser says of a lost line, as problems", async () => {
  for (const call of calls) {
    service(() => refusal(409));
    await expect(call()).rejects.toMatchObject({ code: "no", detail: "Not so.", status: 409, retryable: true });
    service(() => Promise.reject(new TypeError("Failed to fetch")));
    await expect(call()).rejects.toMatchObject({ code: "unreachable", status: 0, retryable: true });
  }
});

it("lets who gave up a call see that it was so", async () => {
  for (const call of calls) {
    service(() => Promise.reject(new DOMException("Stopped.", "AbortError")));
    await expect(call()).rejects.toMatchObject({ name: "AbortError" });
  }
});

it("tells when the service wants its key", async () => {
  const heard = vi.fn();
  const quiet = onSignedOut(heard);
  service(() => refusal(401));
  for (const call of calls) await call().catch(() => undefined);
  expect(heard).toHaveBeenCalledTimes(2);
  quiet();
});

it("does not take nothing for an answer", async () => {
  service(() => new Response(null, { status: 200, headers: { "Content-Length": "0" } }));
  await expect(calls[0]?.()).rejects.toMatchObject({ code: "empty" });
});
