import { useEffect, useState } from "react";
import { Button } from "../ui/parts";

const SHOWN_MS = 2000;

/** Copies a text; only there where the browser lets a page do that. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState<"" | "copied" | "not allowed">("");
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [done]);
  if (!("clipboard" in navigator)) return null;
  return (
    <Button
      small
      aria-label={`Copy ${what}`}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => setDone("copied"),
          () => setDone("not allowed"),
        )
      }
    >
      <span role="status">{done || "Copy"}</span>
    </Button>
  );
}
