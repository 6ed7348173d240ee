// Look up any EvoLink task of the key by its id. Results of other hosts are shown as links: this page loads nothing from
// elsewhere by itself.
const LOOK_MS = 5000;
const FINISHED = new Set(["completed", "failed", "cancelled", "canceled"]);
let shown = null;
let timer = null;

const input = el("input.mc-input", { id: "mc-task", type: "text", placeholder: "task-unified-…", autocomplete: "off", spellcheck: "false", "aria-describedby": "mc-task-hint mc-task-problem" });
const problem = el("div.mc-notes", { id: "mc-task-problem", role: "alert" });
const go = el("button.mc-button.primary", { type: "submit" }, icon("search"), el("span.mc-label", {}, t("lookup.go")));
const answerBox = el("div", { "aria-live": "polite" });
const form = el("form.mc-form.narrow", { novalidate: true },
  el("div", {}, el("h2", {}, t("lookup.title")), el("p.mc-hint", { id: "mc-task-hint" }, t("lookup.lead"))),
  el("div.mc-field", {}, el("label", { for: "mc-task" }, t("fact.task")), el("div.mc-inputrow", {}, input, go)),
  problem);
element.replaceChildren(el("section.mc-lookup", { "aria-label": t("lookup.title") }, form, answerBox));

const kindOf = (address, task) => {
  const name = address.split("?")[0].toLowerCase();
  if (/\.(mp4|mov|webm)$/.test(name)) return "video";
  if (/\.(png|jpe?g|webp|gif)$/.test(name)) return "image";
  if (/\.(mp3|wav|m4a|ogg|flac)$/.test(name)) return "audio";
  return ["video", "image", "audio"].includes(task.type) ? task.type : "file";
};
function draw(task) {
  const rows = [];
  const row = (label, ...value) => rows.push(el("div", {}, el("dt", {}, label), el("dd", {}, ...value)));
  row(t("fact.task"), el("code", {}, task.id), kit.button(t("common.copy"), { look: "small", symbol: "copy", "aria-label": t("fact.task.copy"), onclick: (event) => void kit.copy(task.id, event.currentTarget) }));
  if (task.model) row(t("lookup.model"), task.model);
  if (task.created) row(t("fact.started"), kit.date(new Date(task.created * 1000).toISOString()));
  if (task.credits !== null) row(t("lookup.credits"), t("unit.credits", { n: kit.number(task.credits, 0, 2) }));
  const status = kit.known(`task.${task.status}`) ? t(`task.${task.status}`) : task.status || t("task.processing");
  const running = !FINISHED.has(task.status);
  const look = task.status === "completed" ? "done" : running ? "working" : "failed";
  const bar = el("div.mc-bar", { role: "progressbar", "aria-label": t("card.progress"), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": task.progress === null ? null : String(task.progress) }, el("span"));
  bar.classList.toggle("moving", task.progress === null);
  if (task.progress !== null) bar.firstElementChild.style.width = `${task.progress}%`;
  const results = task.results.map((address) => {
    const kind = kindOf(address, task);
    return el("li", {}, el("a.mc-button.quiet", { href: address, target: "_blank", rel: "noopener noreferrer" }, icon(kind === "image" ? "person" : kind === "video" ? "play" : "link"), el("span.mc-label", {}, t(`lookup.open.${kind}`))));
  });
  answerBox.replaceChildren(el("article.mc-card", { "data-status": task.status },
    el("header.mc-cardhead", {}, el("h2", {}, t("lookup.task")), el(`span.mc-state.${look}`, {}, icon(look === "done" ? "check" : look === "working" ? "again" : "warn"), status)),
    running ? el("div.mc-progress", {}, bar, el("p.mc-small", {}, task.progress === null ? t("now.running") : t("now.running_percent", { n: kit.number(task.progress) }))) : null,
    task.error ? el("div.mc-message.failed", {}, el("p.mc-strong", {}, task.error.message), el("p", {}, el("strong", {}, t(`charged.${task.error.charged}`)), " ", task.error.next_step)) : null,
    results.length ? el("div", {}, el("h3.mc-strong", {}, t("lookup.results")), el("ul.mc-plain", {}, ...results), el("p.mc-small", {}, t("lookup.expire"))) : null,
    el("dl.mc-dl", {}, ...rows)));
}
async function look(id, quietly = false) {
  clearTimeout(timer);
  shown = id;
  if (!quietly) go.setAttribute("aria-busy", "true");
  try {
    const { task } = await kit.ask("lookup", { task_id: id }, 45000);
    if (shown !== id) return;
    problem.replaceChildren();
    draw(task);
    if (!FINISHED.has(task.status)) timer = setTimeout(() => { if (element.offsetParent && !document.hidden) void look(id, true); else timer = setTimeout(() => void look(id, true), LOOK_MS); }, LOOK_MS);
  } catch (error) {
    if (shown !== id) return;
    const { text, next } = kit.sentence(error);
    problem.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, text, el("span.mc-next", {}, ` ${next}`))));
    if (!quietly) answerBox.replaceChildren();
  } finally {
    go.removeAttribute("aria-busy");
  }
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const id = input.value.trim();
  if (id) void look(id);
  else {
    problem.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, t("lookup.missing"))));
    input.focus();
  }
});
