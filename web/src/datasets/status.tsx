import type { Dataset } from "../api/queries";

const WORDS = {
  received: ["…", "waits to be read", "calm"],
  ingesting: ["…", "being read", "calm"],
  ready: ["✓", "ready", "good"],
  rejected: ["✕", "refused", "bad"],
  failed: ["✕", "failed", "bad"],
} as const;

export function DatasetStatus({ status }: { status: Dataset["status"] }) {
  const [sign, words, kind] = WORDS[status];
  return (
    <span className={`badge ${kind}`}>
      <span aria-hidden="true">{sign}</span> {words}
    </span>
  );
}
