// Look up any EvoLink task of the key by its id. Results live at other hosts, from which this page loads nothing: each is a
// link, and is shown here once the person asks for it, brought by our own server.
const LOOK_MS = 5000;
const LOOK_PATIENCE_MS = 45000;
const RESULT_PATIENCE_MS = 130000; // a long video over a slow line
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
// The server speaks as of an order; of a task that is merely looked up there is less to say.
const complain = (error) => {
  const code = `lookup.error.${error.code}`;
  const { text, next } = kit.known(code) ? { text: t(code), next: t(`lookup.next.${error.code}`) } : kit.sentence(error);
  problem.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, text, el("span.mc-next", {}, ` ${next}`))));
};
const shownHere = {
  video: (source) => el("video", { src: source, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": t("lookup.result.video") }),
  image: (source) => el("img", { src: source, alt: t("lookup.result.image") }),
  audio: (source) => el("audio", { src: source, controls: true, preload: "metadata", "aria-label": t("lookup.result.audio") }),
};
function resultOf(task, address, number) {
  const kind = kindOf(address, task);
  const link = el("a.mc-button.quiet", { href: address, target: "_blank", rel: "noopener noreferrer" }, icon("link"), el("span.mc-label", {}, t(`lookup.open.${kind}`)));
  const button = kit.button(t("lookup.show"), { symbol: kind === "image" ? "person" : "play", onclick: () => void show() });
  const item = el("li", {}, el("div.mc-row", {}, button, link));
  async function show() {
    if (button.getAttribute("aria-busy")) return;
    const label = button.querySelector(".mc-label");
    button.setAttribute("aria-busy", "true");
    label.textContent = t("lookup.showing");
    problem.replaceChildren();
    try {
      const answer = await kit.ask("result", { task_id: task.id, number }, RESULT_PATIENCE_MS);
      const node = shownHere[answer.kind](kit.url(answer.url));
      item.prepend(el("div.mc-media", {}, node));
      button.remove();
      if (answer.kind !== "image") node.focus();
      else link.focus();
    } catch (error) {
      complain(error);
      button.removeAttribute("aria-busy");
      label.textContent = t("lookup.show");
    }
  }
  return item;
}
async function adopt(task, button) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  problem.replaceChildren();
  try {
    const { job } = await kit.ask("adopt", { task_id: task.id }, LOOK_PATIENCE_MS);
    kit.openTab("create");
    kit.tell("job", { id: job.id, view: job, started: true });
  } catch (error) {
    complain(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}
let drawn = ""; // what is on show, so that looking again never takes away a player
function draw(task) {
  const key = JSON.stringify(task);
  if (key === drawn) return;
  drawn = key;
  const focusables = () => [...answerBox.querySelectorAll("button, a, video, audio")];
  const held = focusables().indexOf(document.activeElement);
  const rows = [];
  const row = (label, ...value) => rows.push(el("div", {}, el("dt", {}, label), el("dd", {}, ...value)));
  row(t("fact.task"), el("code", {}, task.id), kit.button(t("common.copy"), { look: "small", symbol: "copy", "aria-label": t("fact.task.copy"), onclick: (event) => void kit.copy(task.id, event.currentTarget) }));
  if (task.model) row(t("lookup.model"), task.model);
  if (task.created) row(t("fact.started"), kit.date(new Date(task.created * 1000).toISOString()));
  if (task.credits !== null) row(t("lookup.credits"), t("unit.credits", { n: kit.credits(task.credits, { most: 2 }) }));
  const status = kit.known(`task.${task.status}`) ? t(`task.${task.status}`) : task.status || t("task.processing");
  const running = !FINISHED.has(task.status);
  const look = task.status === "completed" ? "done" : running ? "working" : "failed";
  const bar = el("div.mc-bar", { role: "progressbar", "aria-label": t("card.progress"), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": task.progress || null }, el("span"));
  const known = task.progress !== null && task.status !== "pending";
  bar.classList.toggle("moving", !known);
  if (known) bar.firstElementChild.style.width = `${task.progress}%`;
  const results = task.results.map((address, number) => resultOf(task, address, number));
  answerBox.replaceChildren(el("article.mc-card", { "data-status": task.status },
    el("header.mc-cardhead", {}, el("h2", {}, t("lookup.task")), el(`span.mc-state.${look}`, {}, icon(look === "done" ? "check" : look === "working" ? "again" : "warn"), status)),
    running ? el("div.mc-progress", {}, bar, el("p.mc-small", {}, known ? t("now.running_percent", { n: kit.number(task.progress) }) : status)) : null,
    task.error ? el("div.mc-message.failed", {}, ...kit.trouble(task.error)) : null,
    results.length ? el("div", {}, el("h3.mc-strong", {}, t("lookup.results")), el("ul.mc-results", {}, ...results), el("p.mc-small", {}, t("lookup.expire"))) : null,
    task.in_sandbox ? el("p.mc-small", {}, t("lookup.expire.sandbox")) : null,
    task.adoptable ? el("div.mc-honest", {}, el("p", {}, t("lookup.adopt.hint")),
      kit.button(t("lookup.adopt"), { look: "primary", symbol: "film", onclick: (event) => void adopt(task, event.currentTarget) })) : null,
    el("dl.mc-dl", {}, ...rows)));
  if (held >= 0) focusables()[held]?.focus();
}
async function look(id, quietly = false) {
  clearTimeout(timer);
  shown = id;
  if (!quietly) go.setAttribute("aria-busy", "true");
  try {
    const { task } = await kit.ask("lookup", { task_id: id }, LOOK_PATIENCE_MS);
    if (shown !== id) return;
    problem.replaceChildren();
    draw(task);
    if (!FINISHED.has(task.status)) timer = setTimeout(() => { if (element.offsetParent && !document.hidden) void look(id, true); else timer = setTimeout(() => void look(id, true), LOOK_MS); }, LOOK_MS);
  } catch (error) {
    if (shown !== id) return;
    complain(error);
    if (!quietly) { answerBox.replaceChildren(); drawn = ""; }
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
