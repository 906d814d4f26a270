import { useSyncExternalStore } from "react";
import { outbox } from "../review/outbox";
import { plural } from "../ui/format";
import { Button } from "../ui/parts";

/** Whether all decisions are with the service. */
export function Saved() {
  const state = useSyncExternalStore(outbox.subscribe, outbox.state);
  return (
    <span className="saved" role="status" data-state={state.kind}>
      {state.kind === "saving" && <span className="muted">Saving …</span>}
      {state.kind === "offline" && (
        <span className="badge warn" title="They are kept in this browser and sent when the service answers again.">
          ⚠ {plural(state.waiting, "decision")} not sent yet
        </span>
      )}
      {state.kind === "refused" && (
        <span className="badge bad" title={state.why}>
          ✕ {plural(state.waiting, "decision")} refused: {state.why}
          <Button kind="quiet" small onClick={() => outbox.discard()}>
            Discard
          </Button>
        </span>
      )}
    </span>
  );
}
