import { bytes } from "../api/client";

/**
 * Small pictures, fetched many at once and kept for a while: a request for each takes longer than to draw it.
 *
 * The last `MOST` are kept as addresses of this browser's own; those that were not looked at longest are let go of.
 */
const MOST = 2000;
const AT_ONCE = 100;
const AGAIN_MS = 2000;
export const BROKEN = "";

export class Pictures {
  #known = new Map<number, string>();
  #asked = new Set<number>();
  #listeners = new Set<() => void>();
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly datasetId: string,
    private readonly size: number,
    private readonly read = bytes,
  ) {}

  /** The address of a picture; nothing while it is not here, `BROKEN` when it cannot be shown. */
  of(sample: number): string | undefined {
    return this.#known.get(sample);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Fetch those of these that are missing, the first ones first. */
  async want(samples: number[]): Promise<void> {
    for (const sample of samples) this.#touch(sample);
    const missing = samples.filter((sample) => !this.#known.has(sample) && !this.#asked.has(sample)).slice(0, AT_ONCE);
    if (missing.length === 0) return;
    for (const sample of missing) this.#asked.add(sample);
    try {
      const query = `samples=${missing.join(",")}&size=${this.size}`;
      const found = unpacked(await this.read(`/v1/datasets/${this.datasetId}/pictures?${query}`));
      missing.forEach((sample, k) => {
        const picture = found[k];
        this.#keep(sample, picture && picture.size > 0 ? URL.createObjectURL(picture) : BROKEN);
      });
    } catch {
      // Without an answer they are asked for again, as long as anybody looks.
      this.#again = setTimeout(() => this.#listeners.size > 0 && void this.want(samples), AGAIN_MS);
    } finally {
      for (const sample of missing) this.#asked.delete(sample);
      for (const listener of this.#listeners) listener();
    }
  }

  /** Let go of all. */
  close(): void {
    clearTimeout(this.#again);
    for (const address of this.#known.values()) if (address !== BROKEN) URL.revokeObjectURL(address);
    this.#known.clear();
  }

  #touch(sample: number): void {
    const address = this.#known.get(sample);
    if (address === undefined) return;
    this.#known.delete(sample);
    this.#known.set(sample, address);
  }

  #keep(sample: number, address: string): void {
    this.#known.set(sample, address);
    for (const [oldest, its] of this.#known) {
      if (this.#known.size <= MOST) break;
      if (its !== BROKEN) URL.revokeObjectURL(its);
      this.#known.delete(oldest);
    }
  }
}

/** Pictures one after the other, each behind its length in four bytes, the lowest first. */
export function unpacked(content: ArrayBuffer): Blob[] {
  const view = new DataView(content);
  const found: Blob[] = [];
  for (let at = 0; at + 4 <= content.byteLength; ) {
    const size = view.getUint32(at, true);
    found.push(new Blob([content.slice(at + 4, at + 4 + size)], { type: "image/png" }));
    at += 4 + size;
  }
  return found;
}
