import { expect, vi } from "vitest";
import type { Uploads } from "./uploads";

/** What tests of uploads are made of: a browser of their own, files, and a service that remembers what it was asked. */
const Channel = BroadcastChannel;
let browsers = 0;
export const PATIENCE = { timeout: 10_000 };

/** Nothing is remembered, and no tab of another test answers. */
export function freshBrowser(): void {
  localStorage.clear();
  const browser = ++browsers;
  vi.stubGlobal(
    "BroadcastChannel",
    class extends Channel {
      constructor(name: string) {
        super(`${name} ${browser}`);
      }
    },
  );
}

type Answer = (method: string, address: string, init: RequestInit) => Response | Promise<Response> | null;

/** A service that takes every byte and makes datasets, where `answer` says nothing else. */
export function service(answer: Answer = () => null) {
  const calls: string[] = [];
  let [stored, made] = [0, 0];
  vi.stubGlobal("fetch", async (input: string | Request, init: RequestInit = {}) => {
    const request = input instanceof Request ? input : null;
    const [method, url] = [request?.method ?? init.method ?? "GET", request?.url ?? String(input)];
    const address = new URL(url, "http://localhost").pathname;
    calls.push(`${method} ${address}`);
    const signal = request?.signal ?? init.signal;
    signal?.throwIfAborted();
    const other = await answer(method, address, { ...init, signal: signal ?? null });
    if (other) return other;
    if (address === "/v1/datasets") return Response.json({ id: `d${++made}`, name: "a" }, { status: 202 });
    if (method === "POST") return new Response(null, { status: 201, headers: { Location: "/v1/uploads/u1" } });
    if (method === "DELETE") return new Response(null, { status: 204 });
    if (method === "PATCH") stored += init.body instanceof ArrayBuffer ? init.body.byteLength : 0;
    return new Response(null, { headers: { "Upload-Offset": String(stored) } });
  });
  return calls;
}

export const problem = (status: number, code: string, retryable = false) =>
  Response.json({ code, detail: code, retryable }, { status });
export const hangs = (signal: AbortSignal | null | undefined) =>
  new Promise<Response>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
export const count = (calls: readonly string[], call: string) => calls.filter((one) => one === call).length;
/** A file of these words, that can be read while it is not `broken`. */
export const file = (content = "abc", broken = () => false) => ({
  source: {
    name: "a.zip",
    size: content.length,
    slice: (from: number, to: number) =>
      broken()
        ? Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new DOMException("", "NotReadableError")) })
        : new Blob([content.slice(from, to)]),
  },
  modified: 1,
});
export const first = (uploads: Uploads) => uploads.all()[0]?.id ?? "";
export const until = (uploads: Uploads, state: string) =>
  vi.waitFor(() => expect(uploads.all().map((upload) => upload.state)).toContain(state), PATIENCE);
