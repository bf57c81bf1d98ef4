/** The order of the list: worst first, or by a column that somebody chose. */

import { language } from "./words.js";

/**
 * @typedef {object} Sort
 * @property {"name"|"seats"|"value"|"months"} column
 * @property {boolean} down greatest first
 */

/** Which way a column goes when it is chosen first. */
const DOWN_FIRST = { name: false, seats: false, value: false, months: true };

/** Read the order that an address holds; anything else is worst first. @returns {Sort|null} */
export function readSort(text) {
  const down = text?.startsWith("-") ?? false;
  const column = down ? text.slice(1) : text;
  return column in DOWN_FIRST && !(column === "value" && down) ? { column, down } : null;
}

/** Write an order for the address. */
export function writeSort({ column, down }) {
  return down ? `-${column}` : column;
}

/** The order after one more press on a column: its own way, the other way, and back to worst first. */
export function nextSort(sort, column) {
  if (sort?.column !== column) return { column, down: DOWN_FIRST[column] };
  // Worst first has the greatest values first: of that column there are only two orders.
  if (column === "value" || sort.down !== DOWN_FIRST[column]) return null;
  return { column, down: !sort.down };
}

/** How a column is sorted, for ears. */
export function ariaSort(sort, column) {
  if (!sort) return column === "value" ? "descending" : "none";
  if (sort.column !== column) return "none";
  return sort.down ? "descending" : "ascending";
}

/**
 * The positions of a view's rows in the order asked for. What is in the list stays before what is not; what is not
 * known comes last either way.
 * @param {object} view
 * @param {Sort|null} sort
 * @returns {number[]}
 */
export function orderOf({ rows, list }, sort) {
  const all = rows.id.map((_, i) => i);
  if (!sort) return all;
  const keys = KEYS[sort.column](rows);
  const way = sort.down ? -1 : 1;
  const compare = (one, other) => {
    const group = Number(one >= list.count) - Number(other >= list.count);
    if (group) return group;
    const [a, b] = [keys[one], keys[other]];
    if (a === null || b === null) return Number(a === null) - Number(b === null) || one - other;
    return way * (a - b) || one - other;
  };
  return all.sort(compare);
}

const collator = new Intl.Collator(language === "zh" ? "zh-Hans-CN-u-co-pinyin" : "en", { numeric: true });

/** Places of names among themselves: of very many rows few have a name of their own, and comparing names is slow. */
function placesOf(names) {
  const sorted = [...new Set(names)].sort(collator.compare);
  const places = new Map(sorted.map((name, place) => [name, place]));
  return names.map((name) => places.get(name));
}

const KEYS = {
  name: ({ name }) => placesOf(name),
  // Fewest seats filled first; of those the ones of which least is unknown.
  seats: ({ seats }) => seats.map((four) => four && 10 * times(four, "1") + times(four, "?")),
  value: ({ value }) => value,
  months: ({ months }) => months.map((year) => year && year.reduce((sum, count) => sum + count, 0)),
};

function times(text, sign) {
  return text.split(sign).length - 1;
}
