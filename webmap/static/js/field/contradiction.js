/** What does not go together: "no" with a term or a contract that still runs, "yes" with one that is over. */

import { w } from "./words.js";

const ENDS = { owners_committee: "committee_term_end", property_management: "contract_end" };

/**
 * Say what an answer contradicts, "" where nothing.
 * @param {string} field
 * @param {string|null} answer
 * @param {{field: string, value: string|null}[]} others fields of the same feature
 * @param {string} day of the answer
 */
export function contradiction(field, answer, others, day) {
  const end = others.find((one) => one.field === ENDS[field])?.value;
  if (!end) return "";
  if (answer === "no" && end > day) return w(`contradicts_no_${field}`, { date: end });
  if (answer === "yes" && end < day) return w(`contradicts_yes_${field}`, { date: end });
  return "";
}
