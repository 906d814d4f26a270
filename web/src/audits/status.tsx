import type { Audit } from "../api/queries";

const WORDS = {
  queued: ["…", "queued", "calm"],
  running: ["▸", "running", "calm"],
  paused: ["‖", "paused", "warn"],
  succeeded: ["✓", "done", "good"],
  failed: ["✕", "failed", "bad"],
  cancelled: ["○", "cancelled", "odd"],
} as const;

export function AuditStatus({ audit }: { audit: Pick<Audit, "status" | "cancel_requested" | "pause_requested"> }) {
  const [sign, words, kind] = WORDS[audit.status];
  const asked =
    audit.status === "running" && (audit.cancel_requested ? "cancelling" : audit.pause_requested && "pausing");
  return (
    <span className={`badge ${kind}`}>
      <span aria-hidden="true">{sign}</span> {asked || words}
    </span>
  );
}
