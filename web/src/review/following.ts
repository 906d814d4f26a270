/** Where one is in a list that was made anew: at the same rank, else at the next one of the old list that is left. */
export function following(before: Uint32Array, at: number, now: Uint32Array): number {
  const places = new Map<number, number>();
  for (let place = 0; place < now.length; place++) places.set(now[place] ?? 0, place);
  for (let k = at; k < before.length; k++) {
    const place = places.get(before[k] ?? 0);
    if (place !== undefined) return place;
  }
  return Math.max(0, now.length - 1);
}
