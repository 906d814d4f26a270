import { useCallback, useSyncExternalStore } from "react";

/** What this browser remembers: small settings of one person, in `localStorage`, the same in all tabs. */
const changed = new EventTarget();
window.addEventListener("storage", () => changed.dispatchEvent(new Event("change")));

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`labelaudit.${key}`);
  } catch {
    return null; // a browser that keeps nothing
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`labelaudit.${key}`);
    else localStorage.setItem(`labelaudit.${key}`, value);
  } catch {
    // It is a convenience: without room for it the page works as well.
  }
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
