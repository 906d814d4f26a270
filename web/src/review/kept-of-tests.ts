import type { Kept } from "./kept";

/** A storage of its own, with room for so many entries. */
export function memory(room = Number.POSITIVE_INFINITY) {
  const held = new Map<string, string>();
  return {
    get length() {
      return held.size;
    },
    keys: () => [...held.keys()],
    key: (k: number) => [...held.keys()][k] ?? null,
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (held.size >= room && !held.has(key)) throw new DOMException("full", "QuotaExceededError");
      held.set(key, value);
    },
    removeItem: (key: string) => void held.delete(key),
    clear: () => held.clear(),
  };
}

export const said = (id: string, more: Partial<Kept> = {}): Kept => ({
  audit: "A",
  reviewer: "ann",
  source: "list",
  at: 1,
  saying: { id, sample: 7, decision: "keep" },
  ...more,
});
