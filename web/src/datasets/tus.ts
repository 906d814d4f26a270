import { away, Problem, problemOf } from "../api/problem";
import { pause } from "./pause";
import { read, type Source } from "./source";

/**
 * Uploads that go on where they stopped, by tus 1.0.0.
 *
 * What the service says it has is what counts: after anything unexpected it is asked, and the bytes go on from there.
 */
export interface Line {
  readonly signal: AbortSignal;
  /** Where the upload is at the service, from an earlier try. */
  readonly address?: string | undefined;
  onAddress(address: string): void;
  onSent(bytes: number): void;
  /** The line is down, or the service busy; it is tried again in so many milliseconds. */
  onWaiting(why: Problem, pauseMs: number): void;
  fetch?: typeof fetch;
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const VERSION = { "Tus-Resumable": "1.0.0" };
const LEAST = 256 * 1024;
const MOST = 8 * 1024 * 1024;
const QUICK_MS = 700;
const SLOW_MS = 3000;
const SILENT_MS = 60_000;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const ANEW = 3; // times that an upload may be gone before we give up

/** Send all of a source; answers with the upload's id. What cannot be mended by trying again is thrown. */
export async function send(source: Source, line: Line): Promise<string> {
  const ask = asking(line);
  let address = line.address;
  let offset: number | undefined;
  let [failures, gone, length, most] = [0, 0, LEAST, MOST];
  while (true) {
    try {
      if (address === undefined) {
        address = await create(ask, source);
        offset = 0;
        line.onAddress(address);
      }
      if (offset === undefined) {
        offset = await standing(ask, address);
        line.onSent(offset);
      }
      while (offset < source.size) {
        const began = performance.now();
        offset = await append(ask, address, source, offset, length);
        failures = 0;
        line.onSent(offset);
        length = Math.min(most, fitting(length, performance.now() - began));
      }
      return idOf(address);
    } catch (error) {
      if (line.signal.aborted || !(error instanceof Problem)) throw error;
      if (error.code === "upload-complete" && address !== undefined) return idOf(address);
      if ((error.status === 404 || error.status === 410) && address !== undefined && gone++ < ANEW) {
        [address, offset] = [undefined, undefined];
        continue;
      }
      if (error.code === "upload-offset-mismatch" && failures++ < ANEW) {
        offset = undefined;
        continue;
      }
      if (error.status === 413 && error.code === "unknown" && length > LEAST) {
        offset = undefined;
        most = length = length / 2; // a proxy takes no larger parts
        continue;
      }
      if (!passes(error)) throw error;
      offset = undefined;
      length = Math.max(LEAST, length / 2);
      await rest(line, error, failures++);
    }
  }
}

/** Remove what was sent so far. */
export async function giveUp(address: string, fetching: typeof fetch = fetch): Promise<void> {
  const response = await fetching(address, { method: "DELETE", headers: VERSION });
  if (!response.ok && response.status !== 404 && response.status !== 410) throw await problemOf(response);
}

export const idOf = (address: string): string => address.slice(address.lastIndexOf("/") + 1);

/** Parts that take about a second or two: progress is seen, and little is sent twice. */
export function fitting(length: number, tookMs: number): number {
  if (tookMs < QUICK_MS) return Math.min(MOST, length * 2);
  return tookMs > SLOW_MS ? Math.max(LEAST, length / 2) : length;
}

/** Whether it may well be better in a while. A full disk is not: somebody has to make room first. */
export function passes(problem: Problem): boolean {
  if (problem.status === 507) return false;
  if (problem.status === 0) return problem.retryable;
  return [408, 423, 425, 429, 460].includes(problem.status) || problem.status >= 500;
}

type Ask = (address: string, init: RequestInit) => Promise<Response>;

function asking(line: Line): Ask {
  const fetching = line.fetch ?? fetch;
  return async (address, init) => {
    const silence = AbortSignal.timeout(SILENT_MS);
    let response: Response;
    try {
      response = await fetching(address, {
        ...init,
        headers: { ...VERSION, ...init.headers },
        signal: AbortSignal.any([line.signal, silence]),
      });
    } catch (error) {
      if (line.signal.aborted) throw error;
      throw away();
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    const after = Number(response.headers.get("Retry-After"));
    const body = after > 0 ? { ...problem.body, retryAfterMs: after * 1000 } : problem.body;
    throw new Problem(problem.code, problem.detail, problem.status, problem.retryable, body);
  };
}

async function create(ask: Ask, source: Source): Promise<string> {
  const response = await ask("/v1/uploads", {
    method: "POST",
    headers: { "Upload-Length": String(source.size), "Upload-Metadata": `filename ${base64(source.name)}` },
  });
  const location = response.headers.get("Location");
  if (!location) throw new Problem("no-location", "The service did not say where the upload is.", 0, false);
  return new URL(location, window.location.origin).pathname;
}

async function standing(ask: Ask, address: string): Promise<number> {
  return offsetOf(await ask(address, { method: "HEAD" }));
}

async function append(ask: Ask, address: string, source: Source, offset: number, length: number): Promise<number> {
  const body = await read(source, offset, Math.min(source.size, offset + length));
  const response = await ask(address, {
    method: "PATCH",
    headers: { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" },
    body,
  });
  return offsetOf(response);
}

function offsetOf(response: Response): number {
  const told = response.headers.get("Upload-Offset");
  if (told === null || !/^\d+$/.test(told))
    throw new Problem("no-offset", "What answered is not the service: it did not say how much it has.", 502, true);
  return Number(told);
}

async function rest(line: Line, why: Problem, failures: number): Promise<void> {
  const told = why.body["retryAfterMs"];
  const planned = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 1000;
  const ms = typeof told === "number" ? Math.min(told, 60_000) : planned;
  line.onWaiting(why, ms);
  await (line.pause ?? pause)(ms, line.signal);
}

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text.slice(0, 200))));
