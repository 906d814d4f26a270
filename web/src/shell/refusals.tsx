import { Link } from "wouter";
import type { Refused } from "../review/outbox";
import { plural } from "../ui/format";
import { Button, Dialog } from "../ui/parts";

const SHOWN = 100; // of each reason

/** What the service would not write down and why, before somebody lets go of it. */
export function Refusals({
  refused,
  lasts,
  onDiscard,
  onClose,
}: {
  refused: readonly Refused[];
  lasts: boolean;
  onDiscard: () => void;
  onClose: () => void;
}) {
  const reasons = new Set(refused.map(({ why }) => why));
  return (
    <Dialog title={`${plural(refused.length, "decision")} not written`} onClose={onClose} wide>
      <p>
        {lasts
          ? "What the service refuses is kept in this browser, and sent once more whenever the page is loaded."
          : "What the service refuses is kept only until the page is closed."}{" "}
        All other decisions go on.
      </p>
      {[...reasons].map((why) => (
        <Reason key={why} why={why} some={refused.filter((one) => one.why === why)} onGo={onClose} />
      ))}
      <div className="row">
        <Button kind="danger" onClick={onDiscard}>
          Discard {plural(refused.length, "decision")}
        </Button>
        <Button onClick={onClose}>Keep {refused.length === 1 ? "it" : "them"}</Button>
      </div>
    </Dialog>
  );
}

function Reason({ why, some, onGo }: { why: string; some: Refused[]; onGo: () => void }) {
  return (
    <section className="refusals">
      <h3>{why}</h3>
      <ul>
        {some.slice(0, SHOWN).map((one) => (
          <li key={one.id} className="path">
            <Told one={one} onGo={onGo} />
          </li>
        ))}
      </ul>
      {some.length > SHOWN && <p className="muted">and {plural(some.length - SHOWN, "other")}</p>}
    </section>
  );
}

function Told({ one: { id, kept }, onGo }: { one: Refused; onGo: () => void }) {
  if (!kept) return <>entry {id}</>;
  const { sample, decision, label } = kept.saying;
  return (
    <>
      <Link href={`/audits/${kept.audit}/review?sample=${sample}`} onClick={onGo}>
        sample {sample}
      </Link>{" "}
      of audit {kept.audit.slice(-6)}: {decision === "relabel" ? `relabel → ${label}` : (decision ?? "undo")}, by{" "}
      {kept.reviewer}
    </>
  );
}
