import type { Dataset } from "../api/queries";
import { count } from "../ui/format";
import { Card } from "../ui/parts";
import { Choice, FaultOf, type Filled, TextInput } from "./fields";
import type { Split } from "./form";

const SPLITS: readonly Split[] = ["train", "val", "test"];

/** The few choices that matter; all have defaults. */
export function Choices({ dataset, filled }: { dataset: Dataset; filled: Filled }) {
  const { form, faults, set } = filled;
  const recipe = { name: "recipe", chosen: form.recipe, onChoose: (value: typeof form.recipe) => set("recipe", value) };
  const flags = { name: "flags", chosen: form.flags, onChoose: (value: typeof form.flags) => set("flags", value) };
  return (
    <Card title="Choices">
      <fieldset>
        <legend>How thorough</legend>
        <Choice {...recipe} value="auto" label="Automatic" meaning="fits the data and the machine" />
        <Choice {...recipe} value="fast" label="Fast" meaning="a small network" />
        <Choice {...recipe} value="thorough" label="Thorough" meaning="a larger network, 3.5 times as many epochs" />
        <Choice {...recipe} value="paper" label="As published" meaning="250 epochs with a PreAct ResNet-18" />
        <Choice {...recipe} value="budget" label="Within a time" meaning="network and epochs are chosen to fit">
          <TextInput filled={filled} field="budgetMin" label="Minutes" numeric />
        </Choice>
        <FaultOf fault={faults.recipe} />
      </fieldset>
      <fieldset>
        <legend>What to flag</legend>
        <Choice {...flags} value="best" label="Where it pays" meaning="the best balance of found and false alarms" />
        <Choice {...flags} value="precision" label="Sure enough" meaning="as many as stay this likely to be wrong">
          <TextInput filled={filled} field="precision" label="Percent of the flags that are wrong labels" numeric />
        </Choice>
        <Choice {...flags} value="review" label="As many as I can review" meaning="the most suspicious ones">
          <TextInput filled={filled} field="review" label="Labels to review" numeric />
        </Choice>
      </fieldset>
      <SplitChoice dataset={dataset} filled={filled} />
      <details className="more">
        <summary>More</summary>
        <TextInput
          filled={filled}
          field="network"
          label="Network"
          hint="small, fast, preact-resnet18, vgg19-bn, torchvision:resnet18, frozen:resnet18 …; empty: by the recipe"
        />
        <TextInput
          filled={filled}
          field="weights"
          label="Weights it starts from"
          hint="none, default (what torchvision publishes), or a file in the worker's LABELAUDIT_WEIGHTS_DIR"
        />
        {form.recipe !== "budget" && (
          <TextInput filled={filled} field="epochs" label="Epochs" numeric hint="2 to 2000; empty: by the recipe" />
        )}
        <TextInput
          filled={filled}
          field="seed"
          label="Seed"
          numeric
          hint="The same seed gives the same ranking; empty: 0"
        />
        <TextInput filled={filled} field="maxH" label="Stop after hours at work" numeric hint="Empty: no limit" />
      </details>
    </Card>
  );
}

function SplitChoice({ dataset, filled: { form, faults, set } }: { dataset: Dataset; filled: Filled }) {
  const there = SPLITS.filter((split) => (dataset.splits?.[split] ?? 0) > 0);
  if (there.length < 2) return null;
  const turn = (split: Split, on: boolean) =>
    set(
      "splits",
      SPLITS.filter((one) => (one === split ? on : form.splits.includes(one))),
    );
  return (
    <fieldset>
      <legend>Splits</legend>
      <p className="muted small">None chosen: train is audited, and the others measure how right the network is.</p>
      <div className="row">
        {there.map((split) => (
          <label key={split} className="inline">
            <input
              type="checkbox"
              checked={form.splits.includes(split)}
              onChange={(event) => turn(split, event.target.checked)}
            />{" "}
            {split} ({count(dataset.splits?.[split] ?? 0)})
          </label>
        ))}
      </div>
      <FaultOf fault={faults.splits} />
    </fieldset>
  );
}
