// The choices of the form: pictures of what they mean, radio buttons, switches, the prompt with its counter. Every change
// goes into `form`.
function figureOf(which) {
  // A picture turned one way, a dancer turned the other way, and which of the two the result follows.
  const svg = kit.shape("svg", { viewBox: "0 0 132 56", class: "mc-figure", "aria-hidden": "true", focusable: "false" });
  const person = (x, turn, look) => {
    const g = kit.shape("g", { transform: `translate(${x} 28) scale(${turn} 1)`, class: look });
    g.append(
      kit.shape("circle", { cx: "1", cy: "-11", r: "5" }),
      kit.shape("path", { d: "M5 -12l4 1.500-4 1.500z", class: "nose" }),
      kit.shape("path", { d: "M0 -5v13M0 8l-5 10M0 8l6 9M0 -2l8 4M0 -2l-7 5" }));
    return g;
  };
  svg.append(
    kit.shape("rect", { x: "2", y: "5", width: "34", height: "46", rx: "6", class: "frame" }), person(19, -1, which === "image" ? "lead" : "aside"),
    kit.shape("path", { d: "M42 28h5M44.500 25.500v5", class: "sign" }),
    kit.shape("rect", { x: "53", y: "5", width: "34", height: "46", rx: "6", class: "frame" }), person(70, 1, which === "video" ? "lead" : "aside"),
    kit.shape("path", { d: "M91.500 28h6.500m-3-3l3 3-3 3", class: "sign" }),
    kit.shape("rect", { x: "102", y: "5", width: "28", height: "46", rx: "6", class: "frame result" }), person(116, which === "image" ? -1 : 1, "lead"));
  return svg;
}

// changed(): something was chosen. turned(): the character faces another way now.
function makeChoices({ form, rates, most, changed, turned }) {
  const choice = (name, value, title, hint, picture) => {
    const input = el("input", { type: "radio", name: `mc-${name}`, "data-field": name, value, checked: form[name] === value, "aria-describedby": `mc-${name}-${value}` });
    input.addEventListener("change", () => {
      form[name] = value;
      changed();
      if (name === "character_orientation") turned();
    });
    return el("label.mc-choice", {}, input, picture, el("span.mc-choice-title", {}, title), el("span.mc-choice-hint", { id: `mc-${name}-${value}` }, hint));
  };
  const toggle = (name, title, hint) => {
    const input = el("input", { type: "checkbox", role: "switch", "data-field": name, checked: form[name], "aria-describedby": `mc-${name}-hint` });
    input.addEventListener("change", () => { form[name] = input.checked; changed(); });
    return el("label.mc-toggle", {}, input, el("span.mc-track"), el("span", {}, title, el("span.mc-choice-hint", { id: `mc-${name}-hint` }, hint)));
  };
  const facing = el("fieldset.mc-choices.two", {}, el("legend", {}, t("facing.title")),
    choice("character_orientation", "image", t("facing.image"), t("facing.image.hint"), figureOf("image")),
    choice("character_orientation", "video", t("facing.video"), t("facing.video.hint"), figureOf("video")));
  const rate = (quality) => t("quality.rate", { credits: kit.credits(rates[quality].credits, { digits: 2, most: 2 }), usd: kit.money(rates[quality].usd, 3) });
  const quality = el("fieldset.mc-choices.two.slim", {}, el("legend", {}, t("quality.title")),
    Object.keys(rates).map((value) => choice("quality", value, t(`quality.${value}`), rate(value))));
  const prompt = el("textarea.mc-input", { id: "mc-prompt", "data-field": "prompt", rows: "3", placeholder: t("prompt.example"), "aria-describedby": "mc-prompt-hint mc-prompt-count" });
  const counter = el("span.mc-count", { id: "mc-prompt-count" });
  const grow = () => { prompt.style.height = "auto"; prompt.style.height = `${Math.min(prompt.scrollHeight + 2, 320)}px`; };
  prompt.addEventListener("input", () => { form.prompt = prompt.value; grow(); changed(); });
  const elementInput = el("input.mc-input", { id: "mc-element", "data-field": "element_id", type: "text", inputmode: "numeric", autocomplete: "off", spellcheck: "false", "aria-describedby": "mc-element-hint mc-element-problem" });
  elementInput.addEventListener("input", () => { form.element_id = elementInput.value.trim(); changed(); });
  const elementProblem = el("p.mc-field-problem", { id: "mc-element-problem", role: "status" });
  const advanced = el("details.mc-advanced", {},
    el("summary", {}, t("advanced.title")),
    toggle("watermark", t("watermark.title"), t("watermark.hint")),
    el("div.mc-field", {}, el("label", { for: "mc-element" }, t("element.title")), elementInput,
      el("p.mc-hint", { id: "mc-element-hint" }, t("element.hint")), elementProblem));
  const nodes = [
    facing, quality, toggle("keep_sound", t("sound.title"), t("sound.hint")),
    el("div.mc-field", {}, el("div.mc-labelrow", {}, el("label", { for: "mc-prompt" }, t("prompt.title")), counter), prompt,
      el("p.mc-hint", { id: "mc-prompt-hint" }, t("prompt.hint"))),
    advanced,
  ];
  const choices = {
    nodes,
    get tooLong() { return Math.max(0, form.prompt.length - most); },
    get misplaced() { return Boolean(form.element_id) && form.character_orientation !== "video"; },
    // Says what is wrong with the fields, at the fields.
    draw() {
      counter.textContent = t("prompt.count", { n: kit.number(form.prompt.length), most: kit.number(most) });
      counter.classList.toggle("bad", choices.tooLong > 0);
      prompt.setAttribute("aria-invalid", String(choices.tooLong > 0));
      elementProblem.textContent = choices.misplaced ? t("element.problem") : "";
      elementInput.setAttribute("aria-invalid", String(choices.misplaced));
    },
    // Shows what `form` holds, after somebody else has filled it.
    fill() {
      prompt.value = form.prompt;
      elementInput.value = form.element_id;
      for (const node of nodes) {
        for (const input of node.querySelectorAll("input[type=radio]")) input.checked = form[input.dataset.field] === input.value;
        for (const input of node.querySelectorAll("input[role=switch]")) input.checked = form[input.dataset.field];
      }
      advanced.open = Boolean(form.element_id || form.watermark);
      grow();
    },
    focusPrompt() { prompt.focus(); },
    focusElement() { advanced.open = true; elementInput.focus(); },
  };
  return choices;
}
