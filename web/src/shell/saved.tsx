import { useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { outbox, type State } from "../review/outbox";
import { plural } from "../ui/format";
import { Button } from "../ui/parts";
import { Refusals } from "./refusals";

const KEPT = "They are kept in this browser and sent when the service answers again.";
const NOT_KEPT =
  "This browser lets the page store nothing. What is decided is lost if the page is closed before the service has it.";

/** Whether all decisions are with the service, and what is kept of those that are not. */
export function Saved() {
  const state = useSyncExternalStore(outbox.subscribe, outbox.state);
  const { waiting, trouble, refused, lasts } = state;
  const [reading, setReading] = useState(false);
  return (
    <>
      <span className="saved" role="status" data-state={nameOf(state)}>
        {waiting > 0 && trouble === null && <span className="muted">Saving …</span>}
        {waiting > 0 && trouble !== null && (
          <span className="badge warn" title={`${trouble} ${lasts ? KEPT : NOT_KEPT}`}>
            ⚠ {plural(waiting, "decision")} not sent yet
          </span>
        )}
        {refused.length > 0 && <span className="badge bad">✕ {plural(refused.length, "decision")} not written</span>}
        {!lasts && (
          <span className="badge warn" title={NOT_KEPT}>
            ⚠ nothing kept here
          </span>
        )}
      </span>
      {refused.length > 0 && (
        <Button small onClick={() => setReading(true)}>
          See why
        </Button>
      )}
      {reading &&
        refused.length > 0 &&
        createPortal(
          <Refusals
            refused={refused}
            lasts={lasts}
            onDiscard={() => {
              outbox.discard(refused.map(({ id }) => id));
              setReading(false);
            }}
            onClose={() => setReading(false)}
          />,
          document.body, // a dialog is no part of the page's head
        )}
    </>
  );
}

function nameOf({ waiting, trouble, refused }: State): string {
  if (refused.length > 0) return "refused";
  if (waiting === 0) return "saved";
  return trouble === null ? "saving" : "offline";
}
