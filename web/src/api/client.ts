import createClient from "openapi-fetch";
import { away, Problem, problemOf } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const listeners = new Set<() => void>();

/** Tells whoever asks that the service wants its key. */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What a request is answered with, if it is what was asked for; everything else is thrown. */
const fetching = async (input: Request | string, init?: RequestInit): Promise<Response> => {
  let response: Response;
  try {
    response = await fetch(input, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw away();
  }
  if (response.ok) return response;
  if (response.status === 401) for (const listener of listeners) listener();
  throw await problemOf(response);
};

/** The calls of the REST API, typed by its own description. A call that fails throws a `Problem`. */
export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: fetching });

/** What a call answered; one without an answer has thrown. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  if (data === undefined) throw new Problem("empty", "The service answered with nothing.", 0, false);
  return data;
}

/** The bytes at an address of the service. */
export async function bytes(address: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetching(address, signal ? { signal } : {});
  return await response.arrayBuffer();
}
