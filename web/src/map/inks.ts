import { useEffect, useState } from "react";
import { INKS, type Ink } from "./groups";

/** The colours of the theme as bytes of a pixel, for what is drawn without CSS. */
export type Inks = Record<Ink, number>;

export function useInks(): Inks {
  const [inks, setInks] = useState(readInks);
  useEffect(() => {
    const again = () => setInks(readInks());
    again();
    const themes = new MutationObserver(again);
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    return () => {
      themes.disconnect();
      dark.removeEventListener("change", again);
    };
  }, []);
  return inks;
}

/** A custom property may be a choice between two themes; what a probe inherits is the colour itself. */
function readInks(): Inks {
  const probe = document.createElement("span");
  document.body.append(probe);
  const inks = Object.fromEntries(
    INKS.map((name) => {
      probe.className = `ink-${name}`;
      return [name, pixelOf(getComputedStyle(probe).color)];
    }),
  );
  probe.remove();
  return inks as Inks;
}

/** The bytes of a pixel, red first in memory, of a colour as `rgb(1, 2, 3)`. */
export function pixelOf(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+(\.\d+)?/g) ?? []).map(Number);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
