import { useCallback, useMemo, useState } from "react";
import { between, type Selection } from "./selection";

const NONE: ReadonlySet<number> = new Set();

/** Where one is in a list of so many, what is selected, and the sample that was opened from elsewhere, if one was. */
export function usePosition(length: number) {
  const [focus, setFocus] = useState(0);
  const [selection, setSelection] = useState<Selection>({ places: NONE, anchor: 0 });
  const [pinned, pin] = useState<number | null>(null);
  const at = Math.max(0, Math.min(focus, length - 1)); // a list may have become shorter

  const goTo = useCallback(
    (place: number, range = false) => {
      pin(null);
      setFocus(place);
      setSelection((before) => {
        if (!range) return { ...before, anchor: place };
        return between(before, before.places.size > 0 ? before.anchor : at, place);
      });
    },
    [at],
  );
  const pick = useCallback((place: number, { range, more }: { range: boolean; more: boolean }) => {
    pin(null);
    setFocus(place);
    setSelection((before) => {
      if (range) return between(before, before.anchor, place);
      return { places: more ? toggled(before.places, place) : NONE, anchor: place };
    });
  }, []);
  const toggle = useCallback(() => setSelection(({ places }) => ({ places: toggled(places, at), anchor: at })), [at]);
  const clear = useCallback(() => {
    pin(null);
    setSelection({ places: NONE, anchor: at });
  }, [at]);
  const restart = useCallback(() => {
    pin(null);
    setFocus(0);
    setSelection({ places: NONE, anchor: 0 });
  }, []);
  return useMemo(
    () => ({ focus: at, selected: selection.places, pinned, goTo, pick, pin, toggle, clear, restart }),
    [at, clear, goTo, pick, pinned, restart, selection.places, toggle],
  );
}

export type Position = ReturnType<typeof usePosition>;

function toggled(places: ReadonlySet<number>, place: number): ReadonlySet<number> {
  const next = new Set(places);
  if (!next.delete(place)) next.add(place);
  return next;
}
