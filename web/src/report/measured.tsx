import type { Summary } from "../api/queries";
import { count, percent } from "../ui/format";
import { Card, Fact } from "../ui/parts";

/** What the estimates rest on: labels that were wrong for certain, and the model. */
export function Measured({ summary }: { summary: Summary }) {
  const { calibration, model } = summary;
  return (
    <Card title="What this rests on">
      <p>
        {calibration.decoys > 0
          ? `While the network learned, ${count(calibration.decoys)} labels were made wrong on purpose. How they were found says how sure the scores may be.`
          : "No label was made wrong on purpose in this run, so the scores rest on the network alone."}
      </p>
      <dl className="facts">
        {calibration.found !== null && (
          <Fact
            label="Planted wrong labels found"
            value={percent(calibration.found)}
            note={`${count(calibration.found * calibration.decoys)} of ${count(calibration.decoys)} would be flagged`}
          />
        )}
        {calibration.auroc !== null && (
          <Fact
            label="Told from given labels"
            value={calibration.auroc.toFixed(3)}
            note="AUROC: 1 is always, .5 never"
          />
        )}
        <Fact
          label="Accuracy, held-out data"
          value={model.test_accuracy_last === null ? "not measured" : percent(model.test_accuracy_last, 1)}
          note={
            model.test_accuracy_best === null
              ? "no split was held out"
              : `best ${percent(model.test_accuracy_best, 1)}, labels as given`
          }
        />
        <Fact
          label="Network"
          value={<span className="wrapping">{model.network}</span>}
          note={`${count(model.epochs)} epochs`}
        />
      </dl>
    </Card>
  );
}
