import { api, type Schemas } from "../api/client";
import { Problem } from "../api/problem";
import type { Kept } from "./kept";

const PATIENCE_MS = 30_000;

export type Standing = Schemas["JudgementOut"];

/** Have decisions of one person about one audit written down; how their samples stand then. */
export async function deliver(some: readonly Kept[]): Promise<Standing[]> {
  const [first] = some;
  if (!first) return [];
  const { data } = await api.POST("/v1/audits/{audit_id}/reviews", {
    params: { path: { audit_id: first.audit } },
    body: { reviewer: first.reviewer, source: first.source, reviews: some.map((kept) => kept.saying) },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  // Something else than the service may have answered: what it does not name is not written.
  const written = new Set(data?.data?.map(({ id }) => id));
  if (!some.every(({ saying }) => written.has(saying.id)))
    throw new Problem("not-written", "The service answered with something else than what it wrote.", 0, true);
  return data?.standing ?? [];
}

/** Whether a refusal is about all decisions of a request, not about one of them: about their audit or their reviewer. */
export function isAboutAll(refusal: Problem): boolean {
  const { errors } = refusal.body;
  const pointers = Array.isArray(errors) ? errors.map((one: { pointer?: unknown }) => String(one.pointer)) : [];
  return refusal.status === 404 || pointers.some((pointer) => !pointer.startsWith("/reviews"));
}
