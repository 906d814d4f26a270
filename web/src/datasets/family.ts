import type { Dataset } from "../api/queries";
import type { Changed } from "./queries";

/** Which version a dataset is, where it is not the first. */
export const versionOf = ({ version }: Pick<Dataset, "version">): string | null =>
  version > 1 ? `version ${version}` : null;

/** The version that one was made from, if it is still there. */
export const parentOf = (one: Dataset, family: readonly Dataset[]): Dataset | null =>
  family.find(({ id }) => id === one.parent_id) ?? null;

/** Where the picture of a changed sample is: in the version that is looked at, or where it was taken out of. */
export function pictureOf(row: Changed, from: string, to: string): string | null {
  const [dataset, sample] = row.sample_after === null ? [from, row.sample_before] : [to, row.sample_after];
  return sample === null ? null : `/v1/datasets/${dataset}/samples/${sample}/image`;
}

/** What became of a label. */
export function becameOf({ before, after }: Pick<Changed, "before" | "after">): [before: string, after: string] {
  return [before ?? "not in it", after ?? "excluded"];
}
