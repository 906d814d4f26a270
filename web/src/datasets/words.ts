import { Problem, told } from "../api/problem";

/** What went wrong with an upload, with what to do where the service's own words do not say it. */
export function words(error: unknown): string {
  if (!(error instanceof Problem)) return told(error);
  const more: Record<string, string> = {
    "insufficient-storage": "Make room on the service's disk, then try again: what was sent is kept.",
    unauthenticated: "Sign in, then choose the same file again: it goes on where it stopped.",
    "upload-too-large": "Split it into several datasets, or ask for a larger LABELAUDIT_MAX_UPLOAD_BYTES.",
  };
  if (error.status === 413 && error.code === "unknown")
    return "Something before the service, such as a proxy, takes not even 256 KiB at once. Ask for that to be raised, then try again: what was sent is kept.";
  return [error.detail, more[error.code]].filter(Boolean).join(" ");
}

/** Whether the service itself will never take these bytes. What a proxy says is of the way there, not of them. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Problem && error.code !== "unknown" && [413, 415, 422].includes(error.status);
