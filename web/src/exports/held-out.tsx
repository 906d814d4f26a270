import { useState } from "react";
import { plural } from "../ui/format";

/** How many held-out samples may be changed: none, so many, or not said yet. */
export type Agreed = number | null | "open";

export const countOf = (agreed: Agreed): number | null => (agreed === "open" ? null : agreed);

/** Asks twice before what is held out is changed: a tick, and the number of samples typed. */
export function HeldOut({ there, onAgree }: { there: number; onAgree: (agreed: Agreed) => void }) {
  const [wanted, setWanted] = useState(false);
  const [typed, setTyped] = useState("");
  const right = typed.trim() === String(there);
  const tell = (want: boolean, text: string) => {
    setWanted(want);
    setTyped(text);
    onAgree(want ? (text.trim() === String(there) ? there : "open") : null);
  };
  if (there === 0) return null;
  return (
    <div className="held-out">
      <p>
        ⚠ Decisions would change {plural(there, "sample")} of val and test. They stay as they are, so that you go on
        measuring against the same labels.
      </p>
      <label className="row">
        <input type="checkbox" checked={wanted} onChange={(event) => tell(event.target.checked, "")} />
        <span>Change them too</span>
      </label>
      {wanted && (
        <label className="row">
          <span>Type {there} to agree</span>
          <input
            inputMode="numeric"
            autoComplete="off"
            size={8}
            value={typed}
            onChange={(event) => tell(true, event.target.value)}
          />
          <span role="status">{right ? "✓ agreed" : "not agreed yet"}</span>
        </label>
      )}
    </div>
  );
}
