// Something to try at once: one click takes the first pair, and small pictures let people pick another. Nothing of it is
// fetched before somebody reaches for it; the first time of all the files are drawn, which takes seconds.
const EXAMPLE_PATIENCE_MS = 60000;

// use(files): takes {image, video} into the form. done(): the form is filled. failed(error or null): says it, or clears it.
function makeExamples({ use, done, failed }) {
  const asked = new Map(); // what was asked for already, by name
  const once = (key, request) => {
    if (!asked.has(key)) {
      asked.set(key, request().catch((error) => { asked.delete(key); throw error; }));
    }
    return asked.get(key);
  };
  const filesOf = (name) => once(`files ${name}`, () => kit.ask("example", { name }, EXAMPLE_PATIENCE_MS));
  const reachFor = () => { filesOf("").catch(() => {}); };
  const button = kit.button(t("example.button"), { symbol: "play", onclick: () => void take("", button.querySelector(".mc-label"), t("example.button")), onpointerenter: reachFor, onfocus: reachFor });
  const list = el("ul.mc-examples");
  const more = el("details.mc-more", { ontoggle: () => { if (more.open) void fill(); } }, el("summary", {}, t("example.more")), list);

  async function take(name, label, text) {
    button.setAttribute("aria-busy", "true");
    label.textContent = t("example.busy");
    failed(null);
    try {
      await use(await filesOf(name));
      done();
    } catch (error) {
      failed(error);
    } finally {
      button.removeAttribute("aria-busy");
      label.textContent = text;
    }
  }
  async function fill() {
    if (!list.childElementCount) list.replaceChildren(...Array.from({ length: 3 }, () => el("li.ghost", { "aria-hidden": "true" })));
    failed(null);
    try {
      const { pairs } = await once("pairs", () => kit.ask("examples", {}, EXAMPLE_PATIENCE_MS));
      list.replaceChildren(...pairs.map(({ name, picture }) => {
        const title = t(`example.${name}`);
        const label = el("span.mc-label", {}, title);
        return el("li", {}, el("button.mc-example", { type: "button", onclick: () => void take(name, label, title) }, el("img", { src: picture, alt: "", width: "72", height: "96" }), label));
      }));
    } catch (error) {
      more.open = false;
      failed(error);
    }
  }
  return { button, more, show(wanted) { button.hidden = more.hidden = !wanted; } };
}
