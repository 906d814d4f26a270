/** What the service says when it cannot do something (RFC 9457), and what we say when it does not answer. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
    readonly status: number,
    readonly retryable: boolean,
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

export const away = () => new Problem("unreachable", "The service does not answer.", 0, true);

export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "code" in body && "detail" in body)
    return new Problem(
      String(body.code),
      String(body.detail),
      response.status,
      "retryable" in body && body.retryable === true,
      body as Record<string, unknown>,
    );
  return new Problem("unknown", `The service answered with status ${response.status}.`, response.status, false);
}

const PASSING: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

/** Whether the service itself has said no, for good. After anything else nobody knows what was done: ask again. */
export function isRefusal(error: unknown): error is Problem {
  if (!(error instanceof Problem) || error.retryable || error.code === "unknown") return false;
  return error.status >= 400 && error.status < 500 && !PASSING.has(error.status);
}

/** What to show a person of anything that went wrong. */
export function told(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  return error instanceof Error ? error.message : String(error);
}
