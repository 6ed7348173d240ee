// Jobs that run beside the one on the card: a tile for each, which opens it on the card. Tiles ask the same route as the
// card does; a tile that ended stays until it was opened, so that nothing is missed.
const TILE_LOOK_MS = 3000;
const TILES_LOOKED_AT = 8; // at once; with the card that is a third of what a visitor may ask in a minute
const TILES_MAX = 24;
const tiles = new Map(); // id -> {view, key, button}
const tileList = el("ul");
const strip = el("nav.mc-strip", { "aria-label": t("strip.label"), hidden: true }, tileList);

const tilePercent = (view) => (view.state === "running" && view.progress !== null ? Math.min(99, view.progress) : null);
function tileWords(view) {
  if (!WORKING.has(view.state)) return t(`short.${view.state}`);
  const share = tilePercent(view);
  return share === null ? t(`tile.${view.state}`) : t("tile.percent", { n: kit.number(share) });
}
function fillTile(tile) {
  const { view, button } = tile;
  const key = JSON.stringify([view.state, view.progress, view.id === job]);
  if (key === tile.key) return;
  tile.key = key;
  const share = tilePercent(view);
  const working = WORKING.has(view.state);
  const bar = el(`span.mc-tilebar${working && share === null ? ".moving" : ""}`, { "aria-hidden": "true" }, el("i", { style: share === null ? null : `width:${share}%` }));
  button.className = `mc-stripjob ${working ? "working" : view.state}`;
  button.setAttribute("aria-current", String(view.id === job));
  button.lastElementChild.replaceChildren(
    el("span.mc-stripname", {}, view.request.prompt || t("videos.untitled")), el("span.mc-stripstate", {}, tileWords(view)), working ? bar : "");
}
function drawStrip() {
  for (const [id, { view, button }] of tiles) {
    if (id === job && !WORKING.has(view.state)) { button.parentElement.remove(); tiles.delete(id); } // the card shows it
  }
  for (const tile of tiles.values()) fillTile(tile);
  strip.hidden = ![...tiles.keys()].some((id) => id !== job);
}
// A newer view of any job of this visitor.
function noteTile(view) {
  const known = tiles.get(view.id);
  if (known) known.view = view;
  else if (WORKING.has(view.state) && tiles.size < TILES_MAX) {
    const button = el("button", { type: "button", onclick: () => kit.tell("job", { id: view.id, view: tiles.get(view.id)?.view, started: true }) },
      el("span.mc-stripthumb", {}, view.poster_url ? el("img", { src: view.poster_url, alt: "", decoding: "async" }) : icon("film")), el("span.mc-striptext"));
    tileList.prepend(el("li", {}, button));
    tileList.scrollLeft = 0; // the newest in view
    tiles.set(view.id, { view, key: "", button });
  }
  drawStrip();
}
function dropTile(id) {
  tiles.get(id)?.button.parentElement.remove();
  tiles.delete(id);
  drawStrip();
}
async function lookAtTiles() {
  const others = [...tiles.values()].filter(({ view }) => view.id !== job && WORKING.has(view.state)).slice(0, TILES_LOOKED_AT);
  await Promise.all(others.map(async ({ view: { id } }) => {
    try {
      noteTile(await kit.json(`jobs/${encodeURIComponent(id)}`, { milliseconds: PATIENCE_MS }));
    } catch (error) {
      if (error.status === 404) dropTile(id);
    }
  }));
}
// What runs already, started before a reload or in another tab.
async function findTiles() {
  try {
    const { jobs } = await kit.ask("videos", { state: "active", limit: TILES_MAX });
    for (const view of jobs.reverse()) noteTile(view);
  } catch {
    return; // the next look, or My videos, finds them
  }
}
async function watchTiles() {
  if (!document.hidden) await lookAtTiles();
  setTimeout(watchTiles, TILE_LOOK_MS);
}
function startStrip() {
  void findTiles();
  void watchTiles();
  document.addEventListener("visibilitychange", () => { if (!document.hidden) void findTiles(); });
  kit.hear("gone", ({ id }) => dropTile(id));
}
