import { useEffect, useId, useRef, useState } from "react";
import { Dialog } from "../ui/parts";
import { fitting } from "./fitting";

const SHOWN = 12;

/** Finds a class by a few letters of its name; the arrows choose, Enter takes it. */
export function ClassPicker({
  classes,
  onChoose,
  onClose,
}: {
  classes: readonly string[];
  onChoose: (label: string) => void;
  onClose: () => void;
}) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const found = fitting(classes, text).slice(0, SHOWN);
  useEffect(() => input.current?.focus(), []);
  return (
    <Dialog title="Other label" onClose={onClose}>
      <input
        ref={input}
        role="combobox"
        aria-label="Find a class"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found[at] === undefined ? undefined : `${list}-${at}`}
        placeholder={`Find one of ${classes.length} classes`}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return; // the key is for what writes the letters
          if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
          else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
          else if (event.key === "Enter") {
            const label = found[at];
            if (label !== undefined) onChoose(label);
          } else return;
          event.preventDefault();
        }}
      />
      <div id={list} role="listbox" aria-label="Classes" className="picker">
        {found.map((label, k) => (
          <button
            key={label}
            type="button"
            role="option"
            tabIndex={-1}
            id={`${list}-${k}`}
            aria-selected={k === at}
            onClick={() => onChoose(label)}
          >
            {label === "" ? "(empty)" : label}
          </button>
        ))}
      </div>
      {found.length === 0 && <p className="muted">No class of this dataset is called so.</p>}
    </Dialog>
  );
}
