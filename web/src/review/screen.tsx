import { useQuery, useQueryClient } from "@tanstack/react-query";
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { told } from "../api/problem";
import { auditQuery, datasetQuery, type Suspect } from "../api/queries";
import { AuditHeader } from "../audits/header";
import { count, plural } from "../ui/format";
import { Dialog, Empty, Failed, Loading } from "../ui/parts";
import { useRemembered } from "../ui/stored";
import { Bar, type Open } from "./bar";
import { BulkDialog } from "./bulk";
import { ClassPicker } from "./class-picker";
import { offered } from "./classes";
import { Detail } from "./detail";
import { Facets } from "./facets";
import { Grid, type GridShape } from "./grid";
import { Help } from "./help";
import { type Decision, refresh, useJudging } from "./judging";
import { type Command, commandOf, isTaken, moved } from "./keys";
import { Picture } from "./picture";
import { Pictures } from "./pictures";
import { type Place, placeOf, searchOf } from "./place";
import { BLOCK, evidenceQuery, queueQuery, rowsQuery } from "./queue";
import { useRows } from "./rows";
import { between, type Selection } from "./selection";
import { useJudgement } from "./use-judgement";
import "./review.css";

// A decision is drawn before what stands around the list is.
const CalmFacets = memo(Facets);
const CalmBar = memo(Bar);
const CalmDetail = memo(Detail);
const NOTHING = new Uint32Array();
const REST_MS = 400; // before the address names the sample that is looked at

/** Where people judge: filters, the grid, and all that is known of the sample in front of them. */
export default function Review({ auditId }: { auditId: string }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const search = useSearch();
  const place = useMemo(() => placeOf(new URLSearchParams(search)), [search]);
  const [reviewer] = useRemembered("reviewer", "local");
  const [blindness, remember] = useRemembered("blind", "no");
  const [tiles, setTiles] = useRemembered("tiles", "132");
  const blind = blindness === "yes";
  const setBlindness = useCallback((on: boolean) => remember(on ? "yes" : "no"), [remember]);
  const audit = useQuery(auditQuery(auditId));
  const dataset = useQuery({ ...datasetQuery(audit.data?.dataset_id ?? ""), enabled: audit.data !== undefined });
  const [focus, setFocus] = useState(0);
  const [selection, setSelection] = useState<Selection>({ places: new Set(), anchor: 0 });
  const [pinned, setPinned] = useState<number | null>(null);
  const [open, setOpen] = useState<Open>(null);
  const [note, setNote] = useState("");
  const shape = useRef<GridShape>({ columns: 1, rows: 1 });
  const source = place.order === "random" ? "random" : blind ? "blind" : "list";
  const judging = useJudging(auditId, reviewer, source);
  const { judgements, decide, didBulk, undo, heard } = judging;
  const datasetId = audit.data?.dataset_id;
  const pictures = useMemo(
    () => (datasetId === undefined ? null : new Pictures(datasetId, Number(tiles))),
    [datasetId, tiles],
  );
  useEffect(() => () => pictures?.close(), [pictures]);
  const queue = useQuery({ ...queueQuery(auditId, place), enabled: judging.listening });
  const ranks = queue.data ?? NOTHING;
  const focused = useRows(auditId, place.asOf, ranks, focus, Math.min(focus + 1, ranks.length)).row(focus);
  const shownSample = pinned ?? focused?.sample ?? null;
  const pinnedRow = useQuery({ ...evidenceQuery(auditId, pinned ?? 0), enabled: pinned !== null }).data;
  const shown: Suspect | undefined = pinned === null ? focused : pinnedRow;
  const judgement = useJudgement(judgements, shown);

  const go = useCallback(
    (to: Place, replace = false) => navigate(`/audits/${auditId}/review?${searchOf(to)}`, { replace }),
    [auditId, navigate],
  );
  const list = useCallback(
    (to: Partial<Place>) => {
      setFocus(0);
      setPinned(null);
      setSelection({ places: new Set(), anchor: 0 });
      go({ ...place, ...to, sample: null });
    },
    [go, place],
  );

  const choose = useCallback((choices: Place["choices"]) => list({ choices }), [list]);
  const again = useCallback(() => {
    void queries.invalidateQueries({ queryKey: ["queue", auditId] });
    void refresh(queries, auditId, judgements);
  }, [auditId, judgements, queries]);

  // The sample that the address names is looked for once, when the list is there.
  const looked = useRef(false);
  useEffect(() => {
    if (looked.current || !queue.data) return;
    looked.current = true;
    if (place.sample === null) return;
    const { sample } = place;
    queries.fetchQuery(evidenceQuery(auditId, sample)).then(
      (row) => {
        const at = queue.data.indexOf(row.rank);
        if (at >= 0) setFocus(at);
        else setPinned(sample);
      },
      () => setNote(`This audit has no sample ${sample}.`),
    );
  }, [auditId, place, queries, queue.data]);
  useEffect(() => {
    if (!looked.current || focused === undefined || pinned !== null || place.sample === focused.sample) return;
    const timer = setTimeout(() => go({ ...place, sample: focused.sample }, true), REST_MS);
    return () => clearTimeout(timer);
  }, [focused, go, pinned, place]);
  // What comes next is there when one gets to it.
  const following = useRows(auditId, place.asOf, ranks, focus, Math.min(focus + 2, ranks.length)).row(
    focus + 1,
  )?.sample;
  useEffect(() => {
    if (following !== undefined) void queries.prefetchQuery(evidenceQuery(auditId, following));
  }, [auditId, following, queries]);

  const rowsAt = useCallback(
    async (places: number[]): Promise<Suspect[]> => {
      const blocks = [...new Set(places.map((at) => Math.floor(at / BLOCK)))];
      const found = await Promise.all(
        blocks.map((block) => queries.ensureQueryData(rowsQuery(auditId, place.asOf, ranks, block))),
      );
      return places.flatMap((at) => found[blocks.indexOf(Math.floor(at / BLOCK))]?.[at % BLOCK] ?? []);
    },
    [auditId, place.asOf, queries, ranks],
  );

  const judge = useCallback(
    (labelOf: (row: Suspect) => { decision: Decision; label: string | null } | null) => {
      const say = (rows: Suspect[]) => {
        const decided = rows.flatMap((row) => {
          const what = labelOf(row);
          return what === null ? [] : [{ row, ...what }];
        });
        if (decided.length === 0) {
          setNote("Nothing is suggested for this sample: choose a class with a digit or /.");
          return;
        }
        try {
          decide(decided);
        } catch {
          setNote(
            "This browser has no room left to keep decisions, so nothing was decided. Let it send what waits first.",
          );
          return;
        }
        setNote(decided.length > 1 ? `${plural(decided.length, "sample")} decided.` : "");
      };
      if (pinned !== null) {
        if (shown) say([shown]);
      } else if (selection.places.size > 0) {
        const places = [...selection.places].sort((one, other) => one - other);
        void rowsAt(places).then(say, (error) => setNote(told(error)));
        setSelection({ places: new Set(), anchor: focus });
        setFocus(Math.min(ranks.length - 1, (places.at(-1) ?? focus) + 1));
      } else if (shown) {
        say([shown]);
        setFocus(Math.min(ranks.length - 1, focus + 1));
      }
    },
    [decide, focus, pinned, ranks.length, rowsAt, selection.places, shown],
  );

  const actions = useMemo(
    () => ({
      keep: () => judge(() => ({ decision: "keep", label: null })),
      accept: () =>
        blind
          ? setNote("In blind mode nothing is suggested: choose a class with a digit or /.")
          : judge((row) => (row.suggested_label === null ? null : { decision: "relabel", label: row.suggested_label })),
      exclude: () => judge(() => ({ decision: "exclude", label: null })),
      unsure: () => judge(() => ({ decision: "unsure", label: null })),
      relabel: (label: string) =>
        judge((row) =>
          row.given_label === label ? { decision: "keep", label: null } : { decision: "relabel", label },
        ),
      search: () => setOpen("classes"),
      zoom: () => setOpen("zoom"),
      show: setPinned,
    }),
    [blind, judge],
  );

  const aside = useMemo(
    () => (shownSample === null ? null : { sample: shownSample, judgement, pinned: pinned !== null, actions }),
    [actions, judgement, pinned, shownSample],
  );
  const calm = useDeferredValue(aside);

  const takeBack = useCallback(() => {
    undo().then(
      (undone) => {
        setNote(undone === null ? "There is nothing to undo." : `${plural(undone.count, "decision")} taken back.`);
        const at = undone?.rank == null ? -1 : ranks.indexOf(undone.rank);
        if (at >= 0) {
          setPinned(null);
          setFocus(at);
        }
      },
      (error) => setNote(told(error)),
    );
  }, [undo, ranks]);

  const obey = useCallback(
    (command: Command) => {
      if (command.do === "move") {
        const to = moved(focus, command.by, shape.current.columns, shape.current.rows, ranks.length);
        setPinned(null);
        setFocus(to);
        setSelection((before) =>
          command.range
            ? between(before, before.places.size > 0 ? before.anchor : focus, to)
            : { ...before, anchor: to },
        );
      } else if (command.do === "class") {
        const label = shown && offered(shown, blind)[command.place]?.label;
        if (label !== undefined) actions.relabel(label);
      } else if (command.do === "select") {
        setSelection(({ places }) => {
          const next = new Set(places);
          if (!next.delete(focus)) next.add(focus);
          return { places: next, anchor: focus };
        });
      } else if (command.do === "all") {
        setNote("To decide on the whole list use Decide many: it tells how many decisions would be wrong.");
      } else if (command.do === "clear") {
        setPinned(null);
        setSelection({ places: new Set(), anchor: focus });
      } else if (command.do === "undo") takeBack();
      else if (command.do === "help") setOpen("help");
      else actions[command.do]();
    },
    [actions, blind, focus, ranks.length, shown, takeBack],
  );

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (open !== null || isTaken(event.target, event.key)) return;
      const command = commandOf(event);
      if (command === null) return;
      event.preventDefault();
      obey(command);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [obey, open]);

  const pick = useCallback((at: number, { range, more }: { range: boolean; more: boolean }) => {
    setPinned(null);
    setFocus(at);
    setSelection((before) => {
      if (range) return between(before, before.anchor, at);
      if (!more) return { places: new Set(), anchor: at };
      const places = new Set(before.places);
      if (!places.delete(at)) places.add(at);
      return { places, anchor: at };
    });
  }, []);

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
          onBlind={setBlindness}
          tiles={tiles}
          onTiles={setTiles}
          onOpen={setOpen}
        />
      </div>
      <div className="review-rooms">
        <CalmFacets auditId={auditId} choices={place.choices} onChoose={choose} blind={blind} />
        <section className="review-list" aria-label="List">
          <p className="review-note" role="status">
            {selection.places.size > 0 ? `${plural(selection.places.size, "sample")} selected. ` : ""}
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
              selected={selection.places}
              judgements={judgements}
              pictures={pictures}
              tileSize={Number(tiles)}
              blind={blind}
              shape={shape}
              onPick={pick}
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
          choices={place.choices}
          onClose={() => setOpen(null)}
          onDone={(id, decided) => {
            setOpen(null);
            didBulk(id, decided);
            setNote(`${plural(decided, "sample")} decided. U takes it back.`);
            void refresh(queries, auditId, judgements);
          }}
        />
      )}
    </div>
  );
}
