import { useQuery, useQueryClient } from "@tanstack/react-query";
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { auditQuery, datasetQuery, type Suspect } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { count, plural } from "../ui/format";
import { Empty, Failed, Loading } from "../ui/parts";
import { useRemembered } from "../ui/stored";
import { Bar, type Open } from "./bar";
import { Detail } from "./detail";
import { Dialogs, shownOf } from "./dialogs";
import { Facets } from "./facets";
import { Grid, type GridShape } from "./grid";
import { useJudging } from "./judging";
import { refresh } from "./listening";
import { chosen, listOf, type Place, sourceOf } from "./place";
import { evidenceQuery, queueQuery } from "./queue";
import { useRows } from "./rows";
import { usePlace, useSampleInAddress } from "./use-address";
import { useDeciding } from "./use-deciding";
import { useJudgement } from "./use-judgement";
import { useKeys } from "./use-keys";
import { useLooks } from "./use-looks";
import { usePictures } from "./use-pictures";
import { usePosition } from "./use-position";
import "./review.css";
import "./facets.css";
import "./grid.css";
import "./detail.css";

// A decision is drawn before what stands around the list is.
const CalmFacets = memo(Facets);
const CalmBar = memo(Bar);
const CalmDetail = memo(Detail);
const NOTHING = new Uint32Array();
const NO_CLASSES: readonly string[] = [];
const NOT_HERE = "That is not here yet.";

/** Where people judge: filters, the grid, and all that is known of the sample in front of them. */
export default function Review({ auditId }: { auditId: string }) {
  const queries = useQueryClient();
  const address = usePlace(auditId);
  const { place, go } = address;
  const [reviewer] = useRemembered("reviewer", "local");
  const looks = useLooks(reviewer);
  const [open, setOpen] = useState<Open>(null);
  const [note, tell] = useState("");
  const shape = useRef<GridShape>({ columns: 1, rows: 1 });

  const audit = useQuery(auditQuery(auditId));
  const datasetId = audit.data?.dataset_id;
  const dataset = useQuery({ ...datasetQuery(datasetId ?? ""), enabled: datasetId !== undefined });
  const classes = dataset.data?.classes ?? NO_CLASSES;
  const pictures = usePictures(datasetId, looks.tiles);
  const judging = useJudging(auditId, reviewer, sourceOf(place, looks.blind));
  const { judgements, didBulk, heard } = judging;
  const queue = useQuery({ ...queueQuery(auditId, place), enabled: judging.listening });
  const ranks = queue.data ?? NOTHING;
  const here = queue.data !== undefined && !queue.isPlaceholderData;
  const position = usePosition(ranks, here ? listOf(place).toString() : null);
  const { focus, selected, pinned } = position;
  const inFront = useRows(auditId, place.asOf, ranks, focus, Math.min(focus + 2, ranks.length));
  const focused = inFront.row(focus);
  const pinnedRow = useQuery({ ...evidenceQuery(auditId, pinned ?? 0), enabled: pinned !== null }).data;
  const shown: Suspect | undefined = pinned === null ? focused : pinnedRow;
  const shownSample = pinned ?? focused?.sample ?? null;
  const judgement = useJudgement(judgements, shown, looks.only);

  const missing = useCallback((sample: number) => tell(`This audit has no sample ${sample}.`), []);
  useSampleInAddress(auditId, address, here ? ranks : null, position, focused?.sample, missing);
  const actions = useDeciding(auditId, place.asOf, ranks, shown, position, judging, looks.blind, tell, setOpen);
  const all = looks.blind ? classes : null;
  useKeys(open === null, ranks.length, shape, shown, all, position, actions, tell, setOpen);
  if (shownOf(open, shown, classes) !== open) {
    setOpen(null);
    tell(NOT_HERE);
  }
  const list = useCallback((to: Partial<Place>) => go({ ...place, ...to, sample: null }), [go, place]);
  const choose = useCallback((choices: Place["choices"]) => list(chosen(place, choices)), [list, place]);
  const again = useCallback(() => {
    void queries.invalidateQueries({ queryKey: ["queue", auditId] });
    void refresh(queries, auditId, judgements);
  }, [auditId, judgements, queries]);
  // What comes next is there when one gets to it.
  const following = inFront.row(focus + 1)?.sample;
  useEffect(() => {
    if (following !== undefined) void queries.prefetchQuery(evidenceQuery(auditId, following));
  }, [auditId, following, queries]);
  const aside = useMemo(
    () => (shownSample === null ? null : { sample: shownSample, judgement, pinned: pinned !== null, actions }),
    [actions, judgement, pinned, shownSample],
  );
  const calm = useDeferredValue(aside);

  const error = queue.error ?? judging.error;
  if (error && !queue.data)
    return (
      <div className="screen">
        <AuditHeader id={auditId} />
        <Failed error={error} again={() => queries.refetchQueries({ type: "active" })} />
      </div>
    );
  return (
    <div className="review">
      <div className="review-top">
        <AuditHeader id={auditId} />
        <CalmBar auditId={auditId} place={place} onList={list} onAgain={again} looks={looks} onOpen={setOpen} />
      </div>
      <div className="review-rooms">
        <CalmFacets auditId={auditId} choices={place.choices} onChoose={choose} blind={looks.blind} />
        <section className="review-list" aria-label="List">
          <p className="review-note">
            <span role="status">
              {selected.size > 0 ? `${plural(selected.size, "sample")} selected. ` : ""}
              {note} {heard}
            </span>{" "}
            <span>{`${count(ranks.length)} in this list, at ${count(Math.min(focus + 1, ranks.length))}.`}</span>
          </p>
          {!queue.data && <Loading what="the list" />}
          {queue.data && ranks.length === 0 && (
            <Empty title="No sample fits these filters">
              <p>Clear a filter on the left to see more.</p>
            </Empty>
          )}
          {ranks.length > 0 && pictures && (
            <Grid
              key={`${looks.tiles} ${queue.isPlaceholderData}`}
              auditId={auditId}
              asOf={place.asOf}
              ranks={ranks}
              focus={focus}
              selected={selected}
              judgements={judgements}
              pictures={pictures}
              looks={looks}
              shape={shape}
              onPick={position.pick}
            />
          )}
        </section>
        <aside className="detail" aria-label="Sample">
          {calm !== null && <CalmDetail auditId={auditId} looks={looks} classes={classes} {...calm} />}
        </aside>
      </div>
      <Dialogs
        open={open}
        onClose={() => setOpen(null)}
        shown={shown}
        classes={classes}
        onChoose={(label) => {
          setOpen(null);
          actions.relabel(label);
        }}
        onBulk={(id, decided) => {
          setOpen(null);
          didBulk(id, decided);
          tell(`${plural(decided, "sample")} decided. U takes it back.`);
          void refresh(queries, auditId, judgements);
        }}
        auditId={auditId}
        reviewer={reviewer}
        place={place}
      />
    </div>
  );
}
