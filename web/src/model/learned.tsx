import type { Audit, Summary } from "../api/queries";
import { count, duration, percent } from "../ui/format";
import { Card, Fact } from "../ui/parts";

/** What was trained, and how well it does. */
export function Learned({ audit, summary }: { audit: Audit; summary: Summary | undefined }) {
  const { plan } = audit;
  const model = summary?.model;
  const accuracy = model?.test_accuracy_last ?? null;
  return (
    <Card title="The model">
      <dl className="facts">
        <Fact
          label="Network"
          value={<span className="wrapping">{plan?.network ?? model?.network ?? "unknown"}</span>}
        />
        <Fact
          label="Epochs"
          value={count(plan?.epochs ?? model?.epochs ?? 0)}
          note={`${duration(audit.spent_s)} at work`}
        />
        <Fact
          label="Accuracy, held-out data"
          value={accuracy === null ? "not measured" : percent(accuracy, 1)}
          note={
            accuracy === null
              ? "no split was held out"
              : `last epoch${plan?.accuracy_split ? `, split ${plan.accuracy_split}` : ""}; best ${percent(model?.test_accuracy_best ?? accuracy, 1)}`
          }
        />
        {plan && (
          <>
            <Fact
              label="Loss"
              value={plan.method}
              note={plan.weigher === "none" ? "equal weights" : `weights: ${plan.weigher}`}
            />
            <Fact
              label="Started from"
              value={<span className="wrapping">{plan.weights === "none" ? "fresh weights" : plan.weights}</span>}
            />
            <Fact
              label="Images"
              value={`${plan.resolution} × ${plan.resolution}`}
              note={plan.channels === 1 ? "grey" : "colour"}
            />
          </>
        )}
      </dl>
      {summary?.degenerate && <p>⚠ {summary.degenerate.detail}</p>}
    </Card>
  );
}
