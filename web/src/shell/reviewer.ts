/** A name as the service takes it: what cannot be seen, pasted with it, is left out. */
export const reviewerOf = (typed: string): string => typed.replace(/[\p{Cc}\p{Cs}]+/gu, " ").trim() || "local";
