import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { Card } from "../ui/parts";
import type { Standing } from "./queries";

const SHOWN = 24;
const SIDE = 128;

/** Which labels look wrong so far. They come in with each epoch, as long as somebody looks. */
export function Provisional({ id, epoch, looking }: { id: string; epoch: number; looking: boolean }) {
  const suspects = useQuery({
    queryKey: ["provisional", id, epoch],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/audits/{audit_id}/suspects", {
          params: { path: { audit_id: id }, query: { limit: SHOWN } },
          signal,
        }),
      ),
    enabled: looking && epoch > 0,
    placeholderData: keepPreviousData,
    gcTime: 0,
    retry: false,
  });
  const shown = (suspects.data?.data ?? []) as Standing[];
  if (shown.length === 0) return null;
  return (
    <Card
      title="Suspects so far"
      extra={<span className="badge warn">⚠ provisional, after epoch {suspects.data?.epoch ?? epoch}</span>}
    >
      <p className="muted">
        The labels that the network has least come to believe. The order changes until the end; how likely each is wrong
        is only known then.
      </p>
      <ol className="standing">
        {shown.map(({ sample, image, given_label, path }) => (
          <li key={sample}>
            <img src={`${image}?size=${SIDE}`} alt={`Sample ${sample}`} width="84" height="84" loading="lazy" />
            <b className="path" title={path}>
              {given_label}
            </b>
          </li>
        ))}
      </ol>
    </Card>
  );
}
