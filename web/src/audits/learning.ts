import { percent } from "../ui/format";
import type { Epoch } from "./story";

/** What a point of the charts says, in words. */
export function sentence({ epoch, loss, train, held, noise }: Epoch, planned: number | null): string {
  const parts = [
    loss === null ? null : `a loss of ${loss.toPrecision(3)}`,
    held === null ? null : `an accuracy of ${percent(held)} on the held-out split`,
    train === null ? null : `agrees with ${percent(train)} of the given labels`,
  ].filter(Boolean);
  const learned = `After epoch ${epoch}${planned === null ? "" : ` of ${planned}`}: ${parts.join(", ")}.`;
  if (noise === null) return learned;
  const { estimate, low, high } = noise;
  return `${learned} About ${percent(estimate)} of the labels seem wrong so far, likely ${percent(low)} to ${percent(high)}.`;
}

/** How many epochs a chart shows: not all at once, for then the first of them would be a dot in a corner. */
export const reach = (done: number, planned: number | null): number =>
  Math.min(planned ?? done, Math.max(10, 2 * done));

/** Up to where the share of wrong labels is drawn: what all epochs but the first unsure ones need. */
export function ceiling(epochs: readonly Epoch[]): number {
  const highs = epochs.flatMap(({ noise }) => (noise ? [noise.high] : [])).sort((a, b) => a - b);
  const usual = highs[Math.floor((highs.length - 1) / 2)] ?? 0;
  const most = Math.max(...epochs.map(({ noise }) => noise?.estimate ?? 0), Math.min(highs.at(-1) ?? 0, 2 * usual));
  return Math.min(1, Math.max(0.04, Math.ceil(most * 25 - 1e-9) / 25)); // in four parts, each of whole percents
}
