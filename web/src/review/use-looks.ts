import { useMemo } from "react";
import { useRemembered } from "../ui/stored";

/** How one looks: how large, and whether without anything that could lead one. */
export function useLooks(reviewer: string) {
  const [blindness, setBlindness] = useRemembered("blind", "no");
  const [tiles, setTiles] = useRemembered("tiles", "132");
  const blind = blindness === "yes";
  return useMemo(
    () => ({
      blind,
      /** Whose decisions alone are shown: one's own, while one judges blind. */
      only: blind ? reviewer : null,
      setBlind: (on: boolean) => setBlindness(on ? "yes" : "no"),
      tiles: Number(tiles),
      setTiles: (size: number) => setTiles(String(size)),
    }),
    [blind, reviewer, setBlindness, setTiles, tiles],
  );
}

export type Looks = ReturnType<typeof useLooks>;
