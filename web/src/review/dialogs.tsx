import type { Suspect } from "../api/queries";
import { Dialog } from "../ui/parts";
import type { Open } from "./bar";
import { BulkDialog } from "./bulk";
import { ClassPicker } from "./class-picker";
import { Help } from "./help";
import { Picture } from "./picture";
import type { Place } from "./place";

/** What is opened as far as there is something to show in it. */
export const shownOf = (open: Open, shown: Suspect | undefined, classes: readonly string[]): Open =>
  (open === "zoom" && !shown) || (open === "classes" && classes.length === 0) ? null : open;

/** What stands above all else, if anything. */
export function Dialogs({
  open,
  onClose,
  shown,
  classes,
  onChoose,
  onBulk,
  ...list
}: {
  open: Open;
  onClose: () => void;
  shown: Suspect | undefined;
  classes: readonly string[];
  onChoose: (label: string) => void;
  onBulk: (id: string, decided: number) => void;
  auditId: string;
  reviewer: string;
  place: Place;
}) {
  return (
    <>
      {open === "help" && <Help onClose={onClose} />}
      {open === "zoom" && shown && (
        <Dialog title={shown.given_label} onClose={onClose} wide>
          <Picture src={shown.image} label={shown.given_label} large />
        </Dialog>
      )}
      {open === "classes" && <ClassPicker classes={classes} onClose={onClose} onChoose={onChoose} />}
      {open === "bulk" && <BulkDialog {...list} onClose={onClose} onDone={onBulk} />}
    </>
  );
}
