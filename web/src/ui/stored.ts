import { useCallback, useSyncExternalStore } from "react";

/** What this browser remembers: small settings of one person, in `localStorage`, the same in all tabs. */
const changed = new EventTarget();
window.addEventListener("storage", () => changed.dispatchEvent(new Event("change")));

/** What the browser lets a page store things in; null where it lets it store nothing. */
export function storageOf(whole: "browser" | "tab"): Storage | null {
  try {
    return whole === "browser" ? window.localStorage : window.sessionStorage;
  } catch {
    return null;
  }
}

export function remembered(key: string): string | null {
  return read(storageOf("browser"), key);
}

export function remember(key: string, value: string | null): void {
  write(storageOf("browser"), key, value); // a convenience: without room for it the page works as well
  changed.dispatchEvent(new Event("change"));
}

export function useRemembered(key: string, initial: string): [string, (value: string) => void] {
  const value = useSyncExternalStore(
    (listener) => {
      changed.addEventListener("change", listener);
      return () => changed.removeEventListener("change", listener);
    },
    () => remembered(key) ?? initial,
  );
  return [value, useCallback((next: string) => remember(key, next), [key])];
}

const noted = new Map<string, unknown>();

/** What this tab alone knows, also after a reload. Nothing else may write it, so what it holds is what was put there. */
export function ofTab<T>(key: string): T | null {
  if (noted.has(key)) return noted.get(key) as T;
  const text = read(storageOf("tab"), key);
  try {
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

/** Where the browser has no room, it is known until the page is left: what is older must not take its place then. */
export function keepOfTab(key: string, value: unknown): void {
  noted.set(key, value);
  const kept = value !== null && write(storageOf("tab"), key, JSON.stringify(value));
  if (!kept) write(storageOf("tab"), key, null);
}

function read(store: Storage | null, key: string): string | null {
  try {
    return store?.getItem(`labelaudit.${key}`) ?? null;
  } catch {
    return null;
  }
}

function write(store: Storage | null, key: string, value: string | null): boolean {
  try {
    if (value === null) store?.removeItem(`labelaudit.${key}`);
    else store?.setItem(`labelaudit.${key}`, value);
    return store !== null;
  } catch {
    return false;
  }
}
