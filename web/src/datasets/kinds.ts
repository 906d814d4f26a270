import type { Finding, Kind } from "./queries";

/** What is found without a model, in words; the first three come in groups. */
export const KINDS: Readonly<Record<Kind, readonly [name: string, meaning: string]>> = {
  conflict: ["Conflicts", "The same bytes with different labels: of each group at least one label is wrong."],
  duplicate: ["Duplicates", "The same bytes with the same label."],
  "near-duplicate": ["Near-duplicates", "Pictures that look alike: saved again, resized, brighter or in grey."],
  blank: ["Blank", "Pictures of one colour."],
  tiny: ["Tiny", "Much smaller than the others."],
  "odd-aspect": ["Odd shape", "Far longer than wide, or wider than long, than the others."],
  "low-information": ["Little to see", "Pictures that show far less than the others."],
};

export interface Group {
  readonly key: string;
  readonly number: number | null;
  readonly across: boolean;
  readonly images: readonly Finding[];
}

/** Rows of one kind as groups, in their order; what has no group stands for itself. */
export function grouped(rows: readonly Finding[]): Group[] {
  const groups = new Map<string, Finding[]>();
  for (const row of rows) {
    const key = row.group === null ? `s${row.sample}` : `g${row.group}`;
    const known = groups.get(key);
    if (known) known.push(row);
    else groups.set(key, [row]);
  }
  return [...groups].map(([key, images]) => ({
    key,
    number: images[0]?.group ?? null,
    across: images.some(({ across_splits }) => across_splits),
    images,
  }));
}
