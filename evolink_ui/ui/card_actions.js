// What may be done with the job on the card. What costs money or cannot be taken back asks once more; what needs the
// visitor's own key again asks for it right there.
const actions = el("div.mc-row.mc-actions");
const asking = el("div.mc-asking", { hidden: true });
const NEED_KEY = new Set(["follow_again", "send_again", "attach"]);
let busyAction = "";
let actionError = null;
let actionsKey = "";
let notify = false;

const can = (action) => (view.actions ?? []).includes(action);
const closeAsking = () => { asking.hidden = true; heading.focus(); };
const lacksKey = () => Boolean(view.needs_key) && !kit.ownKey;

async function act(action, sent) {
  busyAction = action;
  actionError = null;
  drawActions(true);
  try {
    const answer = await kit.json(`jobs/${encodeURIComponent(job)}/${action}`, { method: "POST", body: sent ?? {}, milliseconds: 20000 });
    if (action === "delete") { leave(); kit.tell("changed", {}); return; }
    asking.hidden = true;
    got(answer);
    look();
  } catch (error) {
    actionError = error;
    drawMessage();
  } finally {
    busyAction = "";
    if (view) drawActions(true);
  }
}
// sent: what the action takes with it, read when it is carried out. fields: asked for before.
function ask(text, action, label, { fields = [], sent = () => ({}) } = {}) {
  const go = () => void act(action, sent());
  const key = NEED_KEY.has(action) && lacksKey() ? makeKeyField({ id: "mc-card-key", label, given: go }) : null;
  const yes = key ? null : kit.button(label, { look: "primary", onclick: go });
  asking.replaceChildren(...[text && el("p", {}, text), ...fields, key && el("p", {}, t("ask.key")), key?.node,
    el("div.mc-row", {}, yes, kit.button(t("common.cancel"), { onclick: closeAsking }))].filter(Boolean));
  asking.hidden = false;
  const first = fields.find((node) => node.matches?.("input"));
  if (first) first.focus();
  else if (key) key.focus();
  else yes.focus();
}
function askForTask() {
  const input = el("input.mc-input", { id: "mc-attach", type: "text", placeholder: "task-unified-…", autocomplete: "off", spellcheck: "false" });
  ask(t("ask.attach"), "attach", t("action.attach_now"), {
    fields: [el("label.mc-small", { for: "mc-attach" }, t("attach.label")), input],
    sent: () => ({ task_id: input.value.trim() }),
  });
}
// Whether the task list already says what to do next, so that the error's general advice would contradict it.
const doubtAdvises = () => ["looking", "none"].includes(view.doubt) || (view.candidates ?? []).length > 0;
// What EvoLink's task list says of an order of unknown outcome; the key's owner picks from what may be its task.
function doubtParts() {
  const found = view.candidates ?? [];
  const parts = [el("p", {}, t(view.doubt === "candidates" && !found.length ? "doubt.candidates.hidden" : `doubt.${view.doubt}`))];
  if (found.length) {
    parts.push(el("ul.mc-candidates", {}, ...found.map((task) => el("li", {},
      el("span", {}, task.created_at ? new Date(task.created_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" }) : "–"),
      el("span", {}, [task.seconds && t("doubt.seconds", { n: Math.round(task.seconds) }), task.credits && t("doubt.credits", { n: Math.ceil(task.credits * 10) / 10 })].filter(Boolean).join(" · ")),
      el("code", {}, task.task_id),
      kit.button(t("action.attach_this"), { onclick: () => void act("attach", { task_id: task.task_id }) })))));
  }
  return parts;
}
function followAgain() {
  if (lacksKey()) ask("", "follow_again", t("action.follow_again"));
  else void act("follow_again");
}
const stopMeans = () => (!view.task_id ? "ask.stop.before" : view.mode === "sandbox" ? "ask.stop.sandbox" : "ask.stop");
function share() {
  const address = new URL(document.baseURI);
  address.search = "";
  address.hash = "";
  address.searchParams.set("job", job);
  return address.href;
}
async function allowNotes() {
  notify = (await Notification.requestPermission()) === "granted";
  drawActions(true);
}
function drawActions(force = false) {
  const key = [view.id, view.state, (view.actions ?? []).join(), comparing, busyAction, notify].join("|");
  if (key === actionsKey && !force) return;
  actionsKey = key;
  const list = [];
  const add = (label, symbol, onclick, more = {}) => list.push(kit.button(t(label), { symbol, onclick, ...more }));
  if (view.state === "done" && view.result?.url) {
    list.push(el("a.mc-button.primary", { href: `${view.result.url}?download`, download: "" }, icon("download"), el("span.mc-label", {}, t("action.download"))));
    if (view.reference_url) add("action.compare", "compare", () => compare(), { "aria-pressed": String(comparing) });
  }
  if (can("follow_again")) add("action.follow_again", "again", followAgain, { look: "primary" });
  if (can("attach")) add("action.attach", "link", askForTask);
  if (can("send_again")) add("action.send_again", "again", () => ask(t("ask.send_again"), "send_again", t("action.send_again")));
  if (can("give_up")) add("action.give_up", "close", () => ask(t("ask.give_up"), "give_up", t("action.give_up")));
  if (can("stop")) add("action.stop", "stop", () => ask(t(stopMeans()), "stop", t("action.stop")));
  if (can("edit")) {
    const failed = view.state === "failed";
    add(view.state === "done" ? "action.reuse" : "action.edit", "edit", () => kit.tell("reuse", { id: view.id, request: view.request }), { look: failed ? "primary" : "quiet" });
  }
  add("action.share", "link", (event) => void kit.copy(share(), event.currentTarget));
  if (WORKING.has(view.state) && "Notification" in window && Notification.permission === "default") add("action.notify", "bell", () => void allowNotes());
  if (can("delete")) add("action.delete", "trash", () => ask(t("ask.delete"), "delete", t("action.delete")));
  if (busyAction) for (const item of list) item.setAttribute("aria-disabled", "true");
  actions.replaceChildren(...list);
}
