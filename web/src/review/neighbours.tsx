import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { neighboursQuery } from "./queue";

type Shown = Pick<Schemas["Neighbour"], "sample" | "image" | "label"> & { distance?: number };

/** Who is like this sample: with its label, with the suggested one, and its copies. */
export function Neighbours({
  auditId,
  sample,
  onShow,
}: {
  auditId: string;
  sample: number;
  onShow: (sample: number) => void;
}) {
  const { data } = useQuery(neighboursQuery(auditId, sample));
  if (!data) return null;
  const strip = (title: string, found: Shown[] | null) =>
    found && found.length > 0 ? <Strip title={title} found={found} onShow={onShow} /> : null;
  return (
    <>
      {strip(`Nearest labelled ${data.given_label}`, data.with_given)}
      {data.suggested_label !== null && strip(`Nearest labelled ${data.suggested_label}`, data.with_suggested)}
      {strip("Nearest of all", data.nearest)}
      {strip("The same image", data.same_bytes)}
      {strip("Nearly the same image", data.near_duplicates)}
    </>
  );
}

function Strip({ title, found, onShow }: { title: string; found: Shown[]; onShow: (sample: number) => void }) {
  return (
    <section>
      <h3>{title}</h3>
      <ul className="strip">
        {found.map(({ sample, image, label, distance }) => (
          <li key={sample}>
            <button type="button" onClick={() => onShow(sample)} title={`sample ${sample}, ${label}`}>
              <img src={`${image}?size=64`} alt="" decoding="async" />
              <span>
                <span className="unseen">sample {sample}, labelled </span>
                {label}
              </span>
              {distance !== undefined && (
                <span className="muted">
                  <span className="unseen">distance </span>
                  {distance.toFixed(3)}
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
