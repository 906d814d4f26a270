import { useCallback, useMemo, useState } from "react";
import { following } from "./following";
import { between, type Selection } from "./selection";

const NONE: ReadonlySet<number> = new Set();

/**
 * Where one is in a list, what is selected, and the sample that was opened from elsewhere, if one was.
 *
 * `list` says which one it is, null while it is on its way. In the same list made anew one stays at the same sample;
 * another one begins at its top.
 */
export function usePosition(ranks: Uint32Array, list: string | null) {
  const [focus, setFocus] = useState(0);
  const [selection, setSelection] = useState<Selection>({ places: NONE, anchor: 0 });
  const [pinned, pin] = useState<number | null>(null);
  const [known, setKnown] = useState({ ranks, list });
  const at = Math.max(0, Math.min(focus, ranks.length - 1));
  if (list !== null && ranks !== known.ranks) {
    const same = list === known.list;
    const to = same ? following(known.ranks, focus, ranks) : 0;
    setKnown({ ranks, list });
    setFocus(to);
    setSelection({ places: NONE, anchor: to }); // places of the old list
    if (!same) pin(null);
  }

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
  return useMemo(
    () => ({ focus: at, selected: selection.places, pinned, goTo, pick, pin, toggle, clear }),
    [at, clear, goTo, pick, pinned, selection.places, toggle],
  );
}

export type Position = ReturnType<typeof usePosition>;

function toggled(places: ReadonlySet<number>, place: number): ReadonlySet<number> {
  const next = new Set(places);
  if (!next.delete(place)) next.add(place);
  return next;
}
