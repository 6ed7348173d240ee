// The card's details: task id, price, what it was made with, how long the vendor's own link lives.
const facts = el("dl.mc-dl");
const details = el("details.mc-details", {}, el("summary", {}, t("card.details")), facts);
let factsKey = "";

const copyTask = () => kit.button(t("common.copy"), { look: "small", symbol: "copy", "aria-label": t("fact.task.copy"), onclick: (event) => void kit.copy(view.task_id, event.currentTarget) });
const given = (value) => value !== null && value !== undefined;
function drawFacts() {
  const { request, credits, result } = view;
  const key = JSON.stringify([view.id, view.state, view.task_id, credits, result, request]);
  if (key === factsKey) return;
  factsKey = key;
  const rows = [];
  const row = (label, ...value) => rows.push(el("div", {}, el("dt", {}, label), el("dd", {}, ...value)));
  if (view.task_id) {
    row(t("fact.task"), el("code", {}, view.task_id), copyTask());
  }
  const stand = ["used", "reserved", "estimated"].find((name) => given(credits?.[name]));
  if (stand && (credits[stand] > 0 || stand === "used")) {
    const live = view.mode === "live";
    row(t(live ? `fact.credits.${stand}` : "fact.credits.sandbox"), t(live ? "unit.credits" : "unit.credits_sandbox", { n: kit.credits(credits[stand]) }));
  }
  // A task that was taken over from a look-up does not tell what it was ordered with.
  const made = [
    request.quality,
    request.character_orientation && t(`facing.${request.character_orientation}`),
    given(request.keep_sound) ? t(request.keep_sound ? "facts.sound" : "facts.silent") : null,
  ].filter(Boolean);
  if (made.length) row(t("fact.made"), made.join(" · "));
  if (request.prompt) row(t("fact.prompt"), request.prompt);
  if (result) {
    row(t("fact.video"), [result.seconds ? t("unit.seconds", { n: kit.number(result.seconds, 1) }) : null, result.bytes ? kit.bytes(result.bytes) : null].filter(Boolean).join(" · "));
    if (view.mode === "live" && result.vendor_url && result.vendor_expires_at && Date.parse(result.vendor_expires_at) > Date.now()) {
      row(t("fact.vendor"), el("a", { href: result.vendor_url, target: "_blank", rel: "noopener noreferrer" }, t("fact.vendor.link")), ` ${t("fact.vendor.until", { date: kit.date(result.vendor_expires_at) })}`);
    }
  }
  const took = view.state === "done" ? ` · ${t("time.took", { time: kit.clock(view.elapsed_seconds) })}` : "";
  row(t("fact.started"), `${kit.date(view.created_at)}${took}`);
  facts.replaceChildren(...rows);
}
