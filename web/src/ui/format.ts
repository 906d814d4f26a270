/** Numbers and times as people read them. */
const whole = new Intl.NumberFormat("en");
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const count = (value: number): string => whole.format(Math.round(value));

export function percent(share: number, digits = share !== 0 && Math.abs(share) < 0.1 ? 1 : 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** A probability, never rounded to certainty. */
export function probability(p: number): string {
  if (p > 0.995 && p < 1) return "> 99 %";
  if (p < 0.005 && p > 0) return "< 1 %";
  return `${Math.round(p * 100)} %`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function size(bytes: number): string {
  let left = bytes;
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (left < 1000) return `${left < 10 && unit !== "B" ? left.toFixed(1) : Math.round(left)} ${unit}`;
    left /= 1000;
  }
  return `${left.toFixed(1)} TB`;
}

export const when = (iso: string): string => date.format(new Date(iso));

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** "94 % (90–97)": an estimate and its interval. */
export function shareWithRange(range: { estimate: number; low: number; high: number }): string {
  const digits = range.estimate < 0.1 ? 1 : 0;
  const plain = (p: number) => (p * 100).toFixed(digits);
  return `${plain(range.estimate)} % (${plain(range.low)}–${plain(range.high)})`;
}

export function countWithRange(range: { estimate: number; low: number; high: number }): string {
  return `${count(range.estimate)} (${count(range.low)}–${count(range.high)})`;
}
