import { describe, expect, it } from "vitest";
import { Problem } from "../api/problem";
import type { Source } from "./source";
import { fitting, type Line, send } from "./tus";

const MIB = 1024 * 1024;

function source(size: number): Source & { bytes: Uint8Array<ArrayBuffer> } {
  const bytes = Uint8Array.from({ length: size }, (_, k) => (k * 31 + (k >> 8)) % 256);
  return { name: "photos.zip", size, bytes, slice: (from, to) => new Blob([bytes.slice(from, to)]) };
}

type Fault = (request: { method: string; offset: number; stored: number }) => Response | "lost" | "lost after" | null;

/** A service that keeps what it gets, and goes wrong when told to. */
function service(fault: Fault = () => null) {
  const state = { stored: new Uint8Array(0), length: -1, uploads: 0, calls: [] as string[] };
  const fetching = async (address: unknown, init?: RequestInit): Promise<Response> => {
    const headers = new Headers(init?.headers);
    const method = init?.method ?? "GET";
    const offset = Number(headers.get("Upload-Offset"));
    state.calls.push(`${method} ${String(address)}`);
    expect(headers.get("Tus-Resumable")).toBe("1.0.0");
    const wrong = fault({ method, offset, stored: state.stored.length });
    if (wrong === "lost") throw new TypeError("Failed to fetch");
    if (wrong instanceof Response) return wrong;
    if (method === "POST") {
      state.length = Number(headers.get("Upload-Length"));
      state.stored = new Uint8Array(0);
      state.uploads++;
      return new Response(null, { status: 201, headers: { Location: `/v1/uploads/u${state.uploads}` } });
    }
    if (method === "PATCH") {
      expect(headers.get("Content-Type")).toBe("application/offset+octet-stream");
      if (offset !== state.stored.length) return problem(409, "upload-offset-mismatch");
      const body = new Uint8Array(await new Response(init?.body ?? null).arrayBuffer());
      const grown = new Uint8Array(state.stored.length + body.length);
      grown.set(state.stored);
      grown.set(body, state.stored.length);
      state.stored = grown;
    }
    if (wrong === "lost after") throw new TypeError("Failed to fetch");
    return new Response(null, {
      status: method === "PATCH" ? 204 : 200,
      headers: { "Upload-Offset": String(state.stored.length) },
    });
  };
  return { state, fetching: fetching as typeof fetch };
}

const equal = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, k) => byte === other[k]);

const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ code, detail: code, retryable: false }), { status, headers });

function line(fetching: typeof fetch, more: Partial<Line> = {}) {
  const told = { pauses: [] as number[], sent: [] as number[], addresses: [] as string[] };
  const made: Line = {
    signal: new AbortController().signal,
    onAddress: (address) => told.addresses.push(address),
    onSent: (bytes) => told.sent.push(bytes),
    onWaiting: (_, ms) => told.pauses.push(ms),
    fetch: fetching,
    pause: async () => {},
    ...more,
  };
  return { told, made };
}

/** The first `times` requests that fit go wrong. */
const once =
  (method: string, answer: ReturnType<Fault> | (() => Response), times = 1): Fault =>
  (request) => {
    if (request.method !== method || times <= 0 || (method === "PATCH" && request.stored === 0)) return null;
    times--;
    return typeof answer === "function" ? answer() : answer;
  };

describe("an upload", () => {
  it("sends every byte in order, and tells how far it is", async () => {
    const [file, { state, fetching }] = [source(MIB), service()];
    const { told, made } = line(fetching);
    expect(await send(file, made)).toBe("u1");
    expect(equal(state.stored, file.bytes)).toBe(true);
    expect(told.sent.at(-1)).toBe(MIB);
    expect(told.addresses).toEqual(["/v1/uploads/u1"]);
  });

  it("asks where it stands after the line was lost, and sends nothing twice that counts", async () => {
    for (const lost of ["lost", "lost after"] as const) {
      const [file, { state, fetching }] = [source(MIB), service(once("PATCH", lost, 2))];
      const { told, made } = line(fetching);
      await send(file, made);
      expect(equal(state.stored, file.bytes)).toBe(true);
      expect(told.pauses).toHaveLength(2);
      expect(state.calls.filter((call) => call.startsWith("HEAD"))).toHaveLength(2);
    }
  });

  it("waits as long as it is told while another request writes", async () => {
    const locked = () => problem(423, "upload-locked", { "Retry-After": "2" });
    const [file, { state, fetching }] = [source(MIB), service(once("PATCH", locked))];
    const { told, made } = line(fetching);
    await send(file, made);
    expect(told.pauses).toEqual([2000]);
    expect(equal(state.stored, file.bytes)).toBe(true);
  });

  it("survives a service that is away, with longer and longer pauses", async () => {
    const [file, { state, fetching }] = [source(MIB), service(once("HEAD", () => problem(503, "overloaded"), 3))];
    const { told, made } = line(fetching, { address: "/v1/uploads/u0" });
    await send(file, made);
    expect(told.pauses).toEqual([500, 1000, 2000]);
    expect(equal(state.stored, file.bytes)).toBe(true);
  });

  it("goes on at the service's offset when it was wrong about it", async () => {
    const [file, { state, fetching }] = [
      source(MIB),
      service(once("PATCH", () => problem(409, "upload-offset-mismatch"))),
    ];
    const { told, made } = line(fetching);
    await send(file, made);
    expect(told.pauses).toEqual([]);
    expect(equal(state.stored, file.bytes)).toBe(true);
  });

  it("goes on with an upload of an earlier visit", async () => {
    const [file, { state, fetching }] = [source(MIB), service()];
    state.stored = file.bytes.slice(0, 300_000);
    const { told, made } = line(fetching, { address: "/v1/uploads/old" });
    expect(await send(file, made)).toBe("old");
    expect(state.uploads).toBe(0);
    expect(told.sent[0]).toBe(300_000);
    expect(equal(state.stored, file.bytes)).toBe(true);
  });

  it("begins anew when the service has removed it", async () => {
    const [file, { state, fetching }] = [source(1000), service(once("HEAD", new Response(null, { status: 410 })))];
    const { told, made } = line(fetching, { address: "/v1/uploads/old" });
    expect(await send(file, made)).toBe("u1");
    expect(told.addresses).toEqual(["/v1/uploads/u1"]);
    expect(equal(state.stored, file.bytes)).toBe(true);
  });

  it("takes an upload that is complete already for done", async () => {
    const { fetching } = service(once("PATCH", () => problem(409, "upload-complete")));
    const { made } = line(fetching);
    expect(await send(source(MIB), made)).toBe("u1");
  });

  it("sends smaller parts where something on the way takes no large ones", async () => {
    const sizes: number[] = [];
    const proxied: typeof fetch = async (input, init) => {
      const length = init?.body instanceof ArrayBuffer ? init.body.byteLength : 0;
      if (length > MIB) return new Response("<html>413 Request Entity Too Large</html>", { status: 413 });
      sizes.push(length);
      return await fetching(input, init);
    };
    const [file, { state: kept, fetching }] = [source(6 * MIB), service()];
    const { told, made } = line(proxied);
    expect(await send(file, made)).toBe("u1");
    expect(equal(kept.stored, file.bytes)).toBe(true);
    expect([told.pauses, kept.uploads]).toEqual([[], 1]);
    expect(sizes.filter((size) => size === MIB).length).toBeGreaterThan(3);
  });

  it("does not insist where a person has to do something", async () => {
    for (const [status, code] of [
      [401, "unauthenticated"],
      [413, "upload-too-large"],
      [507, "insufficient-storage"],
    ] as const) {
      const { fetching } = service((request) => (request.method === "POST" ? problem(status, code) : null));
      const { told, made } = line(fetching);
      await expect(send(source(1000), made)).rejects.toMatchObject({ code, status });
      expect(told.pauses).toEqual([]);
    }
  });

  it("does not take a proxy's answer without an offset for progress", async () => {
    const [file, { state, fetching }] = [source(MIB), service(once("PATCH", () => new Response("<html>")))];
    const { told, made } = line(fetching);
    await send(file, made);
    expect(told.pauses).toHaveLength(1);
    expect(equal(state.stored, file.bytes)).toBe(true);
  });

  it("ends where a proxy takes not even small parts, and says whose words they are", async () => {
    const { state, fetching } = service(once("PATCH", () => new Response("<html>", { status: 413 }), 99));
    const { made } = line(fetching);
    await expect(send(source(MIB), made)).rejects.toMatchObject({ code: "unknown", status: 413 });
    expect(state.stored.length).toBe(256 * 1024);
  });

  it("tells a file that can no longer be read from a lost line", async () => {
    const { fetching } = service();
    const { made } = line(fetching);
    const broken: Source = {
      name: "gone",
      size: 10,
      slice: () =>
        Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new DOMException("", "NotReadableError")) }),
    };
    const error = await send(broken, made).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ code: "file-unreadable" });
  });

  it("stops at once when told to", async () => {
    const stop = new AbortController();
    const { state, fetching } = service();
    const { made } = line(fetching, { signal: stop.signal, onSent: () => stop.abort() });
    const aware: typeof fetch = async (input, init) => {
      init?.signal?.throwIfAborted();
      return fetching(input, init);
    };
    await expect(send(source(2 * MIB), { ...made, fetch: aware })).rejects.toThrow();
    expect(state.stored.length).toBeLessThan(MIB);
  });
});

it("sends larger parts over a fast line and smaller ones over a slow one", () => {
  expect(fitting(MIB, 100)).toBe(2 * MIB);
  expect(fitting(8 * MIB, 100)).toBe(8 * MIB);
  expect(fitting(MIB, 1500)).toBe(MIB);
  expect(fitting(MIB, 5000)).toBe(MIB / 2);
  expect(fitting(256 * 1024, 50_000)).toBe(256 * 1024);
});
