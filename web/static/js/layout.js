/** How faces share a rectangle: pure arithmetic. */

/**
 * Columns and rows for `count` tiles in `width` × `height` such that pictures of `aspect` (width / height) become as
 * large as they can, side by side rather than one above the other. Returns `{columns, rows}`; with nothing to show, one of each.
 */
export function bestGrid(count, width, height, aspect = 16 / 9) {
  let best = { columns: 1, rows: Math.max(1, count), area: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const wide = Math.min(width / columns, (height / rows) * aspect);
    const area = wide * (wide / aspect);
    if (area > best.area * 0.999) best = { columns, rows, area };
  }
  return { columns: best.columns, rows: best.rows };
}

const BECOMES_SMALL = 280;
const BECOMES_LARGE = 360;

/**
 * Which layer suits a tile `width` device pixels wide: `small` or `large`. Between the two limits `before` stays, so
 * that a tile on the edge does not change to and fro.
 */
export function layerFor(width, before = "large") {
  return width < (before === "small" ? BECOMES_LARGE : BECOMES_SMALL) ? "small" : "large";
}
