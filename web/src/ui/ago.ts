import { duration } from "./format";

/** "5 min ago": how old something is. Clocks may differ a little. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds < 5 ? "just now" : `${duration(seconds)} ago`;
}
