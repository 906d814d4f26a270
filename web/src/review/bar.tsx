import { useQuery } from "@tanstack/react-query";
import { reviewStateQuery } from "../api/queries";
import { Button } from "../ui/parts";
import { ORDERS, ordered, type Place } from "./place";
import { Standing } from "./standing";
import type { Looks } from "./use-looks";

const SIZES = [
  [96, "small"],
  [132, "medium"],
  [200, "large"],
] as const;

/** What stands above all else, if anything. */
export type Open = "help" | "classes" | "bulk" | "zoom" | null;

/** In which order one looks, how, and where the review stands. */
export function Bar({
  auditId,
  place,
  onList,
  onAgain,
  looks,
  onOpen,
}: {
  auditId: string;
  place: Place;
  onList: (to: Partial<Place>) => void;
  onAgain: () => void;
  looks: Looks;
  onOpen: (what: Open) => void;
}) {
  const state = useQuery(reviewStateQuery(auditId)).data;
  const last = state?.last ?? 0;
  const order = (name: string) => onList(ordered(place, ORDERS.find((known) => known === name) ?? "rank", last));
  return (
    <div className="review-bar">
      <Standing auditId={auditId} blind={looks.blind} />
      <div className="row">
        <label>
          <span className="unseen">Order</span>
          <select
            value={place.order}
            onChange={(event) => {
              order(event.target.value);
              event.target.blur(); // keys are for judging again
            }}
          >
            <option value="rank">most suspicious first</option>
            <option value="sharpened" disabled={last === 0}>
              ranked anew by decisions
            </option>
            <option value="random">random sample of what is not flagged</option>
          </select>
        </label>
        {place.order === "sharpened" && place.asOf !== null && last > place.asOf && (
          <Button small onClick={() => order("sharpened")}>
            Rank anew: {last - place.asOf} more said
          </Button>
        )}
        <Button small onClick={onAgain} title="Look again at what fits the filters now">
          Refresh
        </Button>
        <Button small onClick={() => onOpen("bulk")}>
          Decide many …
        </Button>
        <label className="check" title="Hide what is suggested and what others decided, to judge without being led">
          <input type="checkbox" checked={looks.blind} onChange={(event) => looks.setBlind(event.target.checked)} />{" "}
          blind
        </label>
        <label>
          <span className="unseen">Size of the tiles</span>
          <select
            value={looks.tiles}
            onChange={(event) => {
              looks.setTiles(Number(event.target.value));
              event.target.blur();
            }}
          >
            {SIZES.map(([size, name]) => (
              <option key={size} value={size}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Button small kind="quiet" onClick={() => onOpen("help")} aria-keyshortcuts="?">
          Keys <kbd>?</kbd>
        </Button>
      </div>
    </div>
  );
}
