/** Classes that fit what was typed: those that begin with it first, then those with a word that does, then the rest. */
export function fitting(classes: readonly string[], text: string): readonly string[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return classes;
  const graded = classes
    .map((label) => [grade(label.toLowerCase(), wanted), label] as const)
    .filter(([grade]) => grade < 3);
  return graded.sort(([one], [other]) => one - other).map(([, label]) => label);
}

function grade(label: string, wanted: string): number {
  if (label.startsWith(wanted)) return 0;
  if (label.split(/[\s_\-/.]+/).some((word) => word.startsWith(wanted))) return 1;
  return label.includes(wanted) ? 2 : 3;
}
