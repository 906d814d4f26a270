import type { Review } from "../api/queries";

/** Something that a person said, for tests. */
export const KEPT: Review = {
  seq: 1,
  id: "r1",
  sample: 4,
  decision: "keep",
  label: null,
  undoes: null,
  reviewer: "ann",
  source: "list",
  bulk: null,
  at: "2026-01-01T00:00:00Z",
};
