import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { OnceKeys } from "../api/once-keys";
import { Problem } from "../api/problem";
import { Button, Card, Failed } from "../ui/parts";
import { SplitChoice } from "./choices";
import { FORMATS, type Format, GROUPS } from "./formats";
import { type Agreed, countOf } from "./held-out";
import { begin, exportsQuery } from "./queries";
import { asked, type Split } from "./splits";

/** All formats, each with what it is and how it is loaded; one button starts it. */
export function NewExport({
  auditId,
  splits,
  heldOut,
}: {
  auditId: string;
  splits: readonly Split[];
  heldOut: number;
}) {
  const [chosen, setChosen] = useState<ReadonlySet<Split>>(new Set());
  const [agreed, setAgreed] = useState<Agreed>(null);
  const queries = useQueryClient();
  const [keys] = useState(() => new OnceKeys());
  const start = useMutation({
    mutationFn: async (format: Format) => {
      const wish = { format, splits: asked(chosen, splits), changeHeldOut: countOf(agreed) };
      const begun = await begin(auditId, wish, keys.of(wish));
      keys.done(wish);
      return begun;
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: exportsQuery(auditId).queryKey }),
  });
  const corrected = start.error instanceof Problem ? start.error.body["count"] : undefined;
  return (
    <Card title="New export">
      <p className="muted">
        Only what somebody decided is applied: a relabelled sample has its new label, an excluded one is left out. What
        counts is what is decided when you start.
      </p>
      <SplitChoice
        there={splits}
        chosen={chosen}
        onChoose={(next) => {
          setChosen(next);
          setAgreed(null);
          start.reset();
        }}
        heldOut={typeof corrected === "number" ? corrected : heldOut}
        onAgree={setAgreed}
      />
      {start.error && <Failed error={start.error} />}
      <p role="status" className={start.data ? "" : "unseen"}>
        {start.data && `✓ ${FORMATS[start.data.format].name} is on its way: see Exports.`}
      </p>
      {GROUPS.map(([title, formats]) => (
        <section key={title} aria-label={title}>
          <h3>{title}</h3>
          <ul className="formats">
            {formats.map((format) => (
              <li key={format}>
                <div>
                  <strong>{FORMATS[format].name}</strong> <span>{FORMATS[format].what}</span>
                  {FORMATS[format].load && <code>{FORMATS[format].load}</code>}
                  {FORMATS[format].how && <p className="muted">{FORMATS[format].how}</p>}
                </div>
                <Button
                  small
                  aria-label={`Export as ${FORMATS[format].name}`}
                  disabled={start.isPending || agreed === "open"}
                  onClick={() => start.mutate(format)}
                >
                  Export
                </Button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </Card>
  );
}
