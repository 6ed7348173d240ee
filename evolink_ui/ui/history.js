// My videos: a visitor's jobs as a grid, newest first. Cards are drawn in pages, so hundreds of jobs stay quick; the few
// that still run are looked at one by one while the tab is in view.
const PAGE = 24;
const LOOK_MS = 2000;
const LOOK_AT_ONCE = 6;
const TYPING_MS = 250;
const WORKING = new Set(["queued", "hosting", "submitting", "running", "saving"]);
const FILTERS = ["", "active", "done", "failed", "unknown", "stopped"];

let state = "";
let search = "";
let jobs = new Map(); // id -> {view, card}
let more = false;
let loading = false;
let turn = 0; // an answer for an older filter is thrown away
let typing = null;

const searchInput = el("input.mc-input", { type: "search", id: "mc-search", placeholder: t("videos.search"), "aria-label": t("videos.search"), autocomplete: "off" });
const chips = el("div.mc-chips", { role: "group", "aria-label": t("videos.filter") }, ...FILTERS.map((name) =>
  el("button.mc-chip", { type: "button", "data-state": name, "aria-pressed": String(name === ""), onclick: () => choose(name) }, t(`filter.${name || "all"}`))));
const grid = el("ul.mc-grid");
const note = el("div.mc-notes", { role: "status" });
const nothing = el("div.mc-empty", { hidden: true });
const next = kit.button(t("common.more"), { onclick: () => void fetchPage() });
const nextRow = el("div.mc-center", { hidden: true }, next);
element.replaceChildren(el("section.mc-videos", { "aria-label": t("tab.videos") },
  el("div.mc-filters", {}, searchInput, chips), note, grid, nothing, nextRow));

const mark = (view) => (view.state === "done" ? "check" : WORKING.has(view.state) ? "again" : "warn");
const line = (view) => {
  if (WORKING.has(view.state)) {
    if (view.state === "queued" && view.place_in_line) return t("now.line", { n: kit.number(view.place_in_line) });
    return view.state === "running" && view.progress !== null ? t("now.running_percent", { n: kit.number(Math.min(99, view.progress)) }) : t(`now.${view.state}`);
  }
  return t(`short.${view.state}`);
};
const meta = (view) => {
  const free = view.error?.charged === "no";
  const spent = free ? null : view.credits.used ?? view.credits.reserved ?? view.credits.estimated;
  return [
    kit.date(view.created_at),
    view.result?.seconds ? t("unit.seconds", { n: kit.number(view.result.seconds, 0, 1) }) : null,
    spent === null || spent === undefined ? null : t("unit.credits", { n: kit.credits(spent) }),
    view.mode === "sandbox" ? t("mode.sandbox") : null,
  ].filter(Boolean).join(" · ");
};
function open(id) {
  kit.openTab("create");
  kit.tell("job", { id, started: true });
}
function draw(view) {
  const can = (action) => (view.actions ?? []).includes(action);
  const title = view.request.prompt || t(view.request.quality ? "videos.untitled" : "videos.adopted");
  const picture = el("span.mc-thumb", {}, view.poster_url ? el("img", { src: view.poster_url, alt: "", loading: "lazy", decoding: "async" }) : icon("film"),
    el(`span.mc-state.${WORKING.has(view.state) ? "working" : view.state}`, {}, icon(mark(view)), line(view)));
  const tools = el("div.mc-tools");
  const small = (symbol, label, action, look = "plain") => el(`button.mc-tool.${look}`, { type: "button", "aria-label": `${label}: ${title}`, title: label, onclick: action }, icon(symbol));
  const sure = () => tools.replaceChildren(
    el("span", {}, t("videos.sure")),
    kit.button(t("action.delete"), { look: "small", onclick: () => void remove(view.id) }),
    kit.button(t("common.cancel"), { look: "small", onclick: () => { fill(); tools.querySelector(".delete")?.focus(); } }));
  const fill = () => tools.replaceChildren(
    can("edit") ? small("edit", t("action.reuse"), () => { kit.openTab("create"); kit.tell("reuse", { id: view.id, request: view.request }); }) : "",
    view.state === "done" && view.result?.url
      ? el("a.mc-tool", { href: `${view.result.url}?download`, download: "", "aria-label": `${t("action.download")}: ${title}`, title: t("action.download") }, icon("download")) : "",
    can("delete") ? small("trash", t("action.delete"), () => { sure(); tools.querySelector("button").focus(); }, "delete") : "");
  fill();
  return el("li.mc-tile", { "data-job": view.id },
    el("button.mc-open", { type: "button", onclick: () => open(view.id) }, picture,
      el("span.mc-tiletitle", {}, title), el("span.mc-small", {}, meta(view))), tools);
}
function show(view) {
  const known = jobs.get(view.id);
  const card = draw(view);
  if (known) known.card.replaceWith(card);
  else grid.append(card);
  jobs.set(view.id, { view, card });
}
function settle() {
  nextRow.hidden = !more;
  nothing.hidden = jobs.size > 0 || loading;
  if (!nothing.hidden) {
    const filtered = state || search;
    nothing.replaceChildren(
      el("span.mc-drop-icon", {}, icon("film")),
      el("h2", {}, t(filtered ? "videos.nothing" : "videos.empty")),
      el("p", {}, t(filtered ? "videos.nothing.hint" : "videos.empty.hint")),
      filtered
        ? kit.button(t("videos.all"), { onclick: () => { searchInput.value = ""; search = ""; choose(""); } })
        : kit.button(t("videos.first"), { look: "primary", onclick: () => kit.openTab("create") }));
  }
}
async function fetchPage() {
  if (loading) return;
  loading = true;
  const mine = turn;
  next.setAttribute("aria-busy", "true");
  if (!jobs.size) grid.replaceChildren(...Array.from({ length: 4 }, () => el("li.mc-tile.ghost", { "aria-hidden": "true" })));
  try {
    const answer = await kit.ask("videos", { state, search, offset: jobs.size, limit: PAGE });
    if (mine !== turn) return;
    if (!jobs.size) grid.replaceChildren();
    for (const view of answer.jobs) show(view);
    more = answer.more;
    note.replaceChildren();
  } catch (error) {
    if (mine !== turn) return;
    if (!jobs.size) grid.replaceChildren();
    const { text, next: step } = kit.sentence(error);
    note.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, text, " ", step), kit.button(t("common.try_again"), { look: "small", onclick: () => void fetchPage() })));
  } finally {
    if (mine === turn) {
      loading = false;
      next.removeAttribute("aria-busy");
      settle();
    }
  }
}
function reload() {
  turn += 1;
  loading = false;
  jobs = new Map();
  more = false;
  void fetchPage();
}
function choose(name) {
  state = name;
  for (const chip of chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.state === name));
  reload();
}
async function remove(id) {
  try {
    await kit.json(`jobs/${encodeURIComponent(id)}/delete`, { method: "POST", body: {} });
    const card = jobs.get(id)?.card;
    const neighbour = card?.nextElementSibling ?? card?.previousElementSibling;
    card?.remove();
    jobs.delete(id);
    (neighbour?.querySelector(".mc-open") ?? searchInput).focus();
    kit.tell("gone", { id });
    settle();
  } catch (error) {
    const { text, next: step } = kit.sentence(error);
    note.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, text, " ", step)));
  }
}
const inView = () => element.isConnected && element.offsetParent !== null && !document.hidden;
async function lookAtRunning() {
  if (inView()) {
    const running = [...jobs.values()].filter(({ view }) => WORKING.has(view.state)).slice(0, LOOK_AT_ONCE);
    await Promise.all(running.map(async ({ view }) => {
      try {
        const answer = await kit.json(`jobs/${encodeURIComponent(view.id)}`);
        const now = jobs.get(view.id);
        if (now && (answer.state !== now.view.state || answer.progress !== now.view.progress || answer.place_in_line !== now.view.place_in_line)) {
          const focused = now.card.contains(document.activeElement);
          show(answer);
          if (focused) jobs.get(view.id).card.querySelector(".mc-open").focus();
        }
      } catch {
        return; // the next look will tell
      }
    }));
  }
  setTimeout(lookAtRunning, LOOK_MS);
}

searchInput.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { search = searchInput.value.trim(); reload(); }, TYPING_MS);
});
new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting) && more && jobs.size) void fetchPage(); }, { rootMargin: "400px" }).observe(nextRow);
let stale = true; // something happened since the grid was drawn
kit.hear("changed", () => { stale = true; if (inView()) { stale = false; reload(); } });
kit.hear("job", ({ started }) => { if (started) stale = true; });
new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting) && stale) { stale = false; reload(); } }).observe(element);
void lookAtRunning();
