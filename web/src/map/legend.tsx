import { count } from "../ui/format";
import type { Group } from "./groups";
import { SIGNS } from "./shapes";

/** What signs and colours mean; unticked groups are hidden. */
export function Legend({
  groups,
  hidden,
  onToggle,
}: {
  groups: readonly Group[];
  hidden: ReadonlySet<string>;
  onToggle: (name: string) => void;
}) {
  return (
    <fieldset className="map-legend">
      <legend>Shown on the map</legend>
      {groups.map(({ name, ink, shape, count: n }) => (
        <label key={name}>
          <input type="checkbox" checked={!hidden.has(name)} onChange={() => onToggle(name)} />
          <span className={`ink-${ink}`} aria-hidden="true">
            {SIGNS[shape]}
          </span>
          <bdi className="wrapping">{name}</bdi>
          <span className="muted number">{count(n)}</span>
        </label>
      ))}
    </fieldset>
  );
}
