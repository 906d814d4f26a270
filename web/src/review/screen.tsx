import { useQuery, useQueryClient } from "@tanstack/react-query";
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { auditQuery, datasetQuery, type Suspect } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { count, plural } from "../ui/format";
import { Dialog, Empty, Failed, Loading } from "../ui/parts";
import { useRemembered } from "../ui/stored";
import { Bar, type Open } from "./bar";
import { BulkDialog } from "./bulk";
import { ClassPicker } from "./class-picker";
import { Detail } from "./detail";
import { Facets } from "./facets";
import { Grid, type GridShape } from "./grid";
import { Help } from "./help";
import { useJudging } from "./judging";
import { refresh } from "./listening";
import { Picture } from "./picture";
import { chosen, type Place, sourceOf } from "./place";
import { evidenceQuery, queueQuery } from "./queue";
import { useRows } from "./rows";
import { usePlace, useSampleInAddress } from "./use-address";
import { useDeciding } from "./use-deciding";
import { useJudgement } from "./use-judgement";
import { useKeys } from "./use-keys";
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

/** Where people judge: filters, the grid, and all that is known of the sample in front of them. */
export default function Review({ auditId }: { auditId: string }) {
  const queries = useQueryClient();
  const address = usePlace(auditId);
  const { place, go } = address;
  const [reviewer] = useRemembered("reviewer", "local");
  const [blindness, rememberBlind] = useRemembered("blind", "no");
  const [tiles, setTiles] = useRemembered("tiles", "132");
  const [open, setOpen] = useState<Open>(null);
  const [note, tell] = useState("");
  const shape = useRef<GridShape>({ columns: 1, rows: 1 });
  const blind = blindness === "yes";
  const setBlind = useCallback((on: boolean) => rememberBlind(on ? "yes" : "no"), [rememberBlind]);

  const audit = useQuery(auditQuery(auditId));
  const datasetId = audit.data?.dataset_id;
  const dataset = useQuery({ ...datasetQuery(datasetId ?? ""), enabled: datasetId !== undefined });
  const pictures = usePictures(datasetId, Number(tiles));
  const judging = useJudging(auditId, reviewer, sourceOf(place, blind));
  const { judgements, didBulk, heard } = judging;
  const queue = useQuery({ ...queueQuery(auditId, place), enabled: judging.listening });
  const ranks = queue.data ?? NOTHING;
  const position = usePosition(ranks.length);
  const { focus, selected, pinned, restart } = position;
  const inFront = useRows(auditId, place.asOf, ranks, focus, Math.min(focus + 2, ranks.length));
  const focused = inFront.row(focus);
  const pinnedRow = useQuery({ ...evidenceQuery(auditId, pinned ?? 0), enabled: pinned !== null }).data;
  const shown: Suspect | undefined = pinned === null ? focused : pinnedRow;
  const shownSample = pinned ?? focused?.sample ?? null;
  const judgement = useJudgement(judgements, shown);

  const missing = useCallback((sample: number) => tell(`This audit has no sample ${sample}.`), []);
  useSampleInAddress(auditId, address, queue.data, position, focused?.sample, missing);
  const actions = useDeciding(auditId, place.asOf, ranks, shown, position, judging, blind, tell, setOpen);
  useKeys(open === null, ranks.length, shape, shown, blind, position, actions, tell, setOpen);
  const list = useCallback(
    (to: Partial<Place>) => {
      restart();
      go({ ...place, ...to, sample: null });
    },
    [go, place, restart],
  );
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
        <CalmBar
          auditId={auditId}
          place={place}
          onList={list}
          onAgain={again}
          blind={blind}
          onBlind={setBlind}
          tiles={tiles}
          onTiles={setTiles}
          onOpen={setOpen}
        />
      </div>
      <div className="review-rooms">
        <CalmFacets auditId={auditId} choices={place.choices} onChoose={choose} blind={blind} />
        <section className="review-list" aria-label="List">
          <p className="review-note" role="status">
            {selected.size > 0 ? `${plural(selected.size, "sample")} selected. ` : ""}
            {note || heard || `${count(ranks.length)} in this list, at ${count(Math.min(focus + 1, ranks.length))}.`}
          </p>
          {!queue.data && <Loading what="the list" />}
          {queue.data && ranks.length === 0 && (
            <Empty title="No sample fits these filters">
              <p>Clear a filter on the left to see more.</p>
            </Empty>
          )}
          {ranks.length > 0 && pictures && (
            <Grid
              key={`${tiles} ${queue.isPlaceholderData}`}
              auditId={auditId}
              asOf={place.asOf}
              ranks={ranks}
              focus={focus}
              selected={selected}
              judgements={judgements}
              pictures={pictures}
              tileSize={Number(tiles)}
              blind={blind}
              shape={shape}
              onPick={position.pick}
            />
          )}
        </section>
        <aside className="detail" aria-label="Sample">
          {calm !== null && <CalmDetail auditId={auditId} blind={blind} {...calm} />}
        </aside>
      </div>
      {open === "help" && <Help onClose={() => setOpen(null)} />}
      {open === "zoom" && shown && (
        <Dialog title={shown.given_label} onClose={() => setOpen(null)} wide>
          <Picture src={shown.image} label={shown.given_label} large />
        </Dialog>
      )}
      {open === "classes" && dataset.data?.classes && (
        <ClassPicker
          classes={dataset.data.classes}
          onClose={() => setOpen(null)}
          onChoose={(label) => {
            setOpen(null);
            actions.relabel(label);
          }}
        />
      )}
      {open === "bulk" && (
        <BulkDialog
          auditId={auditId}
          reviewer={reviewer}
          place={place}
          onClose={() => setOpen(null)}
          onDone={(id, decided) => {
            setOpen(null);
            didBulk(id, decided);
            tell(`${plural(decided, "sample")} decided. U takes it back.`);
            void refresh(queries, auditId, judgements);
          }}
        />
      )}
    </div>
  );
}
