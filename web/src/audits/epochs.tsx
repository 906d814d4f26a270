import { percent } from "../ui/format";
import { Card } from "../ui/parts";
import { EpochChart } from "./epoch-chart";
import { ceiling, sentence } from "./learning";
import type { Epoch } from "./story";

const share = (value: number) => percent(value, 0);

/** How the network learns, epoch by epoch, while it does. */
export function Epochs({ epochs, planned }: { epochs: readonly Epoch[]; planned: number | null }) {
  const last = epochs.at(-1);
  if (!last) return null;
  const held = epochs.some((epoch) => epoch.held !== null);
  const counted = epochs.some((epoch) => epoch.noise !== null);
  const shown = { epochs, planned };
  return (
    <Card title="How it learns">
      <p>{sentence(last, planned)}</p>
      <div className="epoch-charts" aria-hidden="true">
        <figure>
          <figcaption className="muted">Loss</figcaption>
          <EpochChart {...shown} lines={["loss"]} format={(value) => value.toPrecision(2)} />
        </figure>
        <figure>
          <figcaption className="muted">
            {held ? "Accuracy: — held-out split, ┄ given labels" : "Agreement with the given labels"}
          </figcaption>
          <EpochChart {...shown} lines={held ? ["held", "train"] : ["train"]} format={share} upTo={1} />
        </figure>
        {counted && (
          <figure>
            <figcaption className="muted">Wrong labels so far: — estimate, ▒ likely range</figcaption>
            <EpochChart {...shown} lines={["noise"]} format={share} upTo={ceiling(epochs)} />
          </figure>
        )}
      </div>
    </Card>
  );
}
