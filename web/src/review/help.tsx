import { Dialog } from "../ui/parts";

const KEYS: [string[], string][] = [
  [["Q"], "keep the label: it is right"],
  [["W"], "accept the suggested label"],
  [["1", "…", "9"], "give it a class, by likelihood; blind by name"],
  [["/"], "find another class"],
  [["E"], "exclude the sample from the dataset"],
  [["N"], "unsure: somebody else may look at it"],
  [["U"], "undo the last decision; Ctrl Z too"],
  [["←", "→"], "previous and next; J and K too"],
  [["↑", "↓"], "a line up and down"],
  [["Space"], "select; decisions are then for all selected"],
  [["Shift", "→"], "select a range; a click with Shift too"],
  [["Z"], "see the image large"],
  [["Esc"], "let go of the selection"],
  [["?"], "this list"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>{keys.map((key) => (key === "…" ? <span key={key}> … </span> : <kbd key={key}>{key}</kbd>))}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="muted">
        After a decision the next sample has the turn. Nothing is lost while the connection is: decisions are kept in
        this browser and sent when the service answers again.
      </p>
    </Dialog>
  );
}
