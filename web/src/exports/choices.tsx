import { type Agreed, HeldOut } from "./held-out";
import type { Split } from "./splits";

const HELD_OUT: ReadonlySet<Split> = new Set(["val", "test"]);

/** Which splits to export, and whether held-out ones may be changed. */
export function SplitChoice({
  there,
  chosen,
  onChoose,
  heldOut,
  onAgree,
}: {
  there: readonly Split[];
  chosen: ReadonlySet<Split>;
  onChoose: (chosen: ReadonlySet<Split>) => void;
  heldOut: number;
  onAgree: (agreed: Agreed) => void;
}) {
  const touched = chosen.size === 0 || [...chosen].some((split) => HELD_OUT.has(split));
  return (
    <>
      {there.length > 0 && (
        <fieldset className="row splits">
          <legend>Splits; without a choice, all samples</legend>
          {there.map((split) => (
            <label key={split} className="row">
              <input
                type="checkbox"
                checked={chosen.has(split)}
                onChange={() => onChoose(chosen.has(split) ? without(chosen, split) : new Set([...chosen, split]))}
              />
              {split}
            </label>
          ))}
        </fieldset>
      )}
      {touched && <HeldOut key={`${heldOut} ${[...chosen].join()}`} there={heldOut} onAgree={onAgree} />}
    </>
  );
}

const without = (chosen: ReadonlySet<Split>, split: Split): ReadonlySet<Split> =>
  new Set([...chosen].filter((one) => one !== split));
