import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Card } from "../ui/parts";
import { useSettled } from "../ui/settled";
import { byDecision, byGiven, byVerdict, type Group, WAYS, type Way } from "./groups";
import { useInks } from "./inks";
import { Legend } from "./legend";
import { nearest, sorted } from "./nearby";
import { NearestList } from "./nearest-list";
import { type Drawn, isShown } from "./paint";
import { Plane } from "./plane";
import { type MapOut, type Points, SIDE } from "./points";
import { decidedQuery } from "./queries";
import { ShownSample } from "./shown-sample";
import type { View } from "./view";

const LISTED = 12;
const SETTLED_MS = 250;
const POINTED_MS = 60;
const NAMES: Record<Way, string> = { verdict: "verdict", given: "given class", decision: "decision" };

/** The map with its legend, the sample that is pointed at, and the samples in the middle as a list. */
export function Atlas({
  auditId,
  datasetId,
  map,
  points,
}: {
  auditId: string;
  datasetId: string;
  map: MapOut;
  points: Points;
}) {
  const [way, setWay] = useState<Way>("verdict");
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [view, setView] = useState<View | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const inks = useInks();
  const decided = useQuery({ ...decidedQuery(auditId), enabled: way === "decision", refetchOnMount: "always" });
  const { groups, of } = useMemo(() => {
    if (way === "given") return byGiven(points, map.labels);
    if (way === "decision") return byDecision(points, decided.data ?? {});
    return byVerdict(points, map.verdicts);
  }, [way, points, map, decided.data]);
  const nearby = useMemo(() => sorted(points), [points]);
  const drawn: Drawn = useMemo(() => {
    const look = ({ name, ink, shape, quiet }: Group) => ({ ink: inks[ink], shape, quiet, shown: !hidden.has(name) });
    return { points, nearby, groups: of, looks: groups.map(look) };
  }, [groups, hidden, inks, nearby, of, points]);
  const middle = useSettled(view, SETTLED_MS);
  const listed = useMemo(() => {
    const { x, y } = middle ?? { x: SIDE / 2, y: SIDE / 2 };
    return nearest(drawn.points, drawn.nearby, x, y, LISTED, isShown(drawn)).map((k) => k + 1);
  }, [drawn, middle]);
  const marked = pointed ?? chosen;
  const told = useSettled(marked, POINTED_MS);
  return (
    <div className="atlas">
      <Plane drawn={drawn} marked={marked} view={view} onView={setView} onPoint={setPointed} onChoose={setChosen} />
      <div className="map-side">
        <Card title="Sample">
          <ShownSample
            auditId={auditId}
            rank={told === null ? null : told + 1}
            image={told === null ? null : `/v1/datasets/${datasetId}/samples/${points.sample[told] ?? 0}/image`}
          />
        </Card>
        <Card>
          <label className="row">
            <span className="muted">Told apart by</span>
            <select
              value={way}
              onChange={(event) => {
                setWay(WAYS.find((one) => one === event.target.value) ?? "verdict");
                setHidden(new Set());
              }}
            >
              {WAYS.map((one) => (
                <option key={one} value={one}>
                  {NAMES[one]}
                </option>
              ))}
            </select>
          </label>
          <Legend groups={groups} hidden={hidden} onToggle={(name) => setHidden(toggled(hidden, name))} />
        </Card>
        <Card title="Nearest to the middle">
          <NearestList
            auditId={auditId}
            ranks={listed}
            onPoint={(rank) => setPointed(rank === null ? null : rank - 1)}
          />
        </Card>
      </div>
    </div>
  );
}

function toggled(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return next;
}
