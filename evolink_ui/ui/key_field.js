// A field for a visitor's own EvoLink key. It is posted once and lives on in a sealed cookie that no script can read; the
// page only knows whether there is one (kit.ownKey), and tells all its parts when that changes ("key").
async function sendKey(key) {
  kit.ownKey = (await kit.json("key", key ? { method: "POST", body: { key } } : { method: "DELETE" })).set;
  kit.tell("key", { set: kit.ownKey });
}
// given: what happens once the server took the key. hint: the id of what explains the field, where that is shown already.
function makeKeyField({ id, label, given, hint = "" }) {
  const input = el("input.mc-input", { id, type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": `${hint} ${id}-problem`.trim() });
  const problem = el("p.mc-field-problem", { id: `${id}-problem`, role: "status" });
  let busy = false;
  async function give() {
    const key = input.value.trim();
    if (!key || busy) { input.focus(); return; }
    busy = true;
    problem.textContent = "";
    try {
      await sendKey(key);
      input.value = "";
      given();
    } catch (error) {
      const { text, next } = kit.sentence(error);
      problem.textContent = `${text} ${next}`;
    } finally {
      busy = false;
    }
  }
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); void give(); } });
  return {
    node: el("div.mc-key", {}, el("label", { for: id }, t("key.label")),
      el("div.mc-keyrow", {}, input, kit.button(label, { look: "primary", onclick: () => void give() })), problem),
    focus() { input.focus(); },
  };
}
