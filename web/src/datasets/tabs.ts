const PATIENCE_MS = 300;
const CHANNEL = "labelaudit.uploads";

/**
 * The tabs of this browser tell each other which uploads they have. Each speaks for itself when it is asked, so one that
 * was closed or crashed has none.
 */
export class Tabs {
  readonly #channel = opened();
  readonly #heard = new Set<(keys: readonly string[]) => void>();

  constructor(mine: () => readonly string[]) {
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (Array.isArray(data)) for (const hear of this.#heard) hear(data.map(String));
      else this.#channel?.postMessage(mine());
    });
  }

  /** What the others have. */
  async others(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const hear = (keys: readonly string[]) => {
      for (const key of keys) found.add(key);
    };
    this.#heard.add(hear);
    this.#channel?.postMessage("what have you?");
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    this.#heard.delete(hear);
    return found;
  }
}

function opened(): BroadcastChannel | null {
  try {
    return new BroadcastChannel(CHANNEL);
  } catch {
    return null; // a browser that keeps nothing of this site: there is nothing to share
  }
}
