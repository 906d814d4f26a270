/** What a key means. Keys are letters, so that a hand stays where it is; none is taken while somebody types. */
export type Command =
  | { do: "keep" | "accept" | "exclude" | "unsure" | "undo" | "select" | "zoom" | "search" | "help" | "clear" | "all" }
  | { do: "class"; place: number }
  | {
      do: "move";
      by: "next" | "previous" | "up" | "down" | "first" | "last" | "page-up" | "page-down";
      range: boolean;
    };

const PLAIN: Readonly<Record<string, Command["do"]>> = {
  q: "keep",
  w: "accept",
  e: "exclude",
  n: "unsure",
  u: "undo",
  z: "zoom",
  " ": "select",
  "/": "search",
  "?": "help",
  Escape: "clear",
};

const MOVES = {
  ArrowRight: "next",
  ArrowLeft: "previous",
  ArrowDown: "down",
  ArrowUp: "up",
  j: "next",
  k: "previous",
  Home: "first",
  End: "last",
  PageDown: "page-down",
  PageUp: "page-up",
} as const;

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

export function commandOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Key): Command | null {
  if (altKey) return null;
  const named = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) {
    if (named === "z") return { do: "undo" };
    if (named === "a") return { do: "all" };
    return null;
  }
  if (/^[1-9]$/.test(key)) return { do: "class", place: Number(key) - 1 };
  const move = MOVES[named as keyof typeof MOVES];
  if (move !== undefined) return { do: "move", by: move, range: shiftKey };
  const plain = PLAIN[named];
  return plain === undefined ? null : ({ do: plain } as Command);
}

/** Whether keys belong to what has the focus: text is typed there, or it answers to them itself. */
export function isTaken(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("dialog")) return true;
  if (target.matches("input[type=checkbox]")) return key === " ";
  if (target.matches("input, textarea, select")) return true;
  return (key === " " || key === "Enter") && target.closest("button:not([role=option]), a, summary") !== null;
}

/** Where a move leads in a grid of so many columns. */
export function moved(from: number, by: string, columns: number, rows: number, length: number): number {
  const to = {
    next: from + 1,
    previous: from - 1,
    down: from + columns,
    up: from - columns,
    first: 0,
    last: length - 1,
    "page-down": from + columns * rows,
    "page-up": from - columns * rows,
  }[by];
  return Math.max(0, Math.min(length - 1, to ?? from));
}
