// One drop zone: drop, click, paste, keyboard or a link; looks at the file before a byte is sent, then sends the
// original bytes and asks the server for its judgement. A pick is {name, size, path, facts, poster, prices} or {url};
// `busy` while it is on its way, `failed` where it cannot be ordered with, `long` where only its length is wrong.
function makeDrop({ kind, limits, judge, readAgain, changed, facing, longest }) {
  const id = `mc-${kind}`;
  let pick = null;
  let upload = null; // what is being sent
  let turn = 0; // a newer file makes every answer about an older one void
  let preview = null; // the object URL on show
  let extraKey = ""; // what the rest of the form last had to say
  let forced = false; // the handles are there because the video is too long as it is

  const input = el("input.mc-file", { type: "file", id: `${id}-input`, accept: [...ACCEPTED[kind], ...CONVERTIBLE[kind]].join(","), "aria-label": t(`drop.${kind}.title`), "aria-describedby": `${id}-limits ${id}-note` });
  const target = el("label.mc-drop", { for: `${id}-input` },
    el("span.mc-drop-icon", {}, icon(kind === "image" ? "person" : "film")),
    el("span.mc-drop-title", {}, t(`drop.${kind}.title`)),
    el("span.mc-drop-how", {}, t(matchMedia("(hover: none)").matches ? "drop.how.touch" : "drop.how")),
    el("span.mc-drop-limits", { id: `${id}-limits` }, t(`drop.${kind}.limits`)));
  const media = el("div.mc-media");
  const bar = el("span");
  const meter = el("div.mc-meter", { role: "progressbar", "aria-label": t(`drop.${kind}.sending`), "aria-valuemin": "0", "aria-valuemax": "100", hidden: true }, bar);
  const facts = el("p.mc-facts");
  const note = el("div.mc-notes", { id: `${id}-note`, role: "status", "aria-live": "polite" });
  const replace = el("label.mc-button.quiet", { for: `${id}-input` }, t("drop.replace"));
  const remove = kit.button(t("drop.remove"), { onclick: () => { clear(); input.focus(); } });
  const cutButton = kit.button(t("drop.trim"), { hidden: true, onclick: () => { trim.open(pick.facts.duration_seconds, { optional: true }); trim.focus(); } });
  const trim = makeTrim({
    limits, longest,
    preview: () => (media.firstElementChild?.tagName === "VIDEO" ? media.firstElementChild : null),
    cut: (start, end) => void cutTo({ start, end }),
    closed: () => cutButton.focus(),
  });
  const shown = el("div.mc-shown", { hidden: true }, media, meter, facts, el("div.mc-row", {}, replace, cutButton, remove));
  const linkInput = el("input.mc-input", { type: "url", id: `${id}-link`, inputmode: "url", placeholder: "https://", autocomplete: "off", spellcheck: "false" });
  const linkBox = el("details.mc-linkbox", {},
    el("summary", {}, t("drop.link")),
    el("label.mc-small", { for: `${id}-link` }, t(`drop.${kind}.link`)), linkInput);
  const zone = el("section.mc-zone", { "aria-label": t(`drop.${kind}.title`), "data-kind": kind }, input, target, shown, note, trim.node, linkBox);
  media.addEventListener("timeupdate", trim.stay, true);

  // ---- what the zone says ----------------------------------------------------------------------------------------
  const line = ({ level, text, next, lines = [], actions = [], extra = false }) => el(`div.mc-note.${level}`, { "data-extra": extra ? "1" : null },
    icon(level === "good" ? "check" : level === "busy" ? "again" : "warn"),
    el("p", {}, el("span.mc-sr", {}, level === "bad" ? t("level.problem") : level === "warn" ? t("level.warning") : ""), text, next ? el("span.mc-next", {}, ` ${next}`) : null,
      lines.filter(Boolean).map((words) => el("span.mc-noteline", {}, words))),
    actions.length ? el("div.mc-row", {}, ...actions.map((action) => kit.button(action.label, { look: "small", onclick: action.run }))) : null);
  const say = (list) => {
    note.replaceChildren(...list.map(line));
    const bad = list.some((item) => item.level === "bad");
    zone.classList.toggle("bad", bad);
    input.setAttribute("aria-invalid", String(bad));
  };
  const problem = ({ code, values = {} }, actions = []) => ({ level: "bad", text: t(`problem.${code}`, values), next: t(`problem.${code}.next`, values), actions });
  const again = (run) => [{ label: t("common.try_again"), run }];
  const fix = (run) => [{ label: t("mend.button"), run }];
  const name = (what, ...more) => facts.replaceChildren(el("span.mc-name", {}, what), ...more.map((text) => el("span", {}, text)));
  const factsText = (f) => [
    `${f.width} × ${f.height}`,
    f.duration_seconds ? t("unit.seconds", { n: kit.number(f.duration_seconds, 1) }) : null,
    kit.bytes(f.size_bytes),
    kind === "video" ? t(f.has_audio ? "facts.sound" : "facts.silent") : null,
  ].filter(Boolean).join(" · ");

  // ---- which of its faces it shows -------------------------------------------------------------------------------
  const forget = () => {
    turn += 1;
    upload?.abort();
    upload = null;
    if (preview) URL.revokeObjectURL(preview);
    preview = null;
    extraKey = "";
    trim.close();
    cutButton.hidden = true;
    return turn;
  };
  const face = (filled) => { shown.hidden = !filled; target.hidden = filled; meter.hidden = true; };
  function clear(...notes) {
    forget();
    pick = null;
    input.value = "";
    linkInput.value = "";
    media.replaceChildren();
    facts.textContent = "";
    face(false);
    say(notes);
    changed();
  }
  // Takes something new: everything about the former one is over.
  function begin(next, { picture = null, size = null } = {}) {
    const mine = forget();
    pick = { ...next, busy: true };
    linkInput.value = "";
    linkBox.open = false;
    face(true);
    if (picture) media.replaceChildren(picture);
    name(next.name, ...(size === null ? [] : [kit.bytes(size)]));
    say([]);
    changed();
    return mine;
  }
  const skeleton = () => el("div.mc-skeleton");
  // It is too long, and otherwise fine or mendable: it stays in view, with the handles to choose a part.
  function tooLong(seconds, source, ...problems) {
    pick = { name: source.name, failed: true, long: source };
    say(problems);
    trim.open(seconds);
    changed();
  }
  const meterAt = (share) => {
    const percent = Math.floor(100 * share);
    bar.style.width = `${percent}%`;
    meter.setAttribute("aria-valuenow", String(percent));
  };
  async function deliver(file) {
    meterAt(0);
    meter.hidden = false;
    say([{ level: "busy", text: t("drop.sending") }]);
    upload = sendFile(file, meterAt);
    try {
      return await upload.done;
    } finally {
      meter.hidden = true;
    }
  }

  // ---- taking a file ---------------------------------------------------------------------------------------------
  async function take(file) {
    if (!file) return;
    const obvious = obviousProblem(kind, file, limits);
    if (obvious) { clear(problem(obvious, obvious.mendable ? fix(() => void sendAndMend(file)) : [])); return; }
    const mine = begin({ name: file.name }, { size: file.size });
    say([{ level: "busy", text: t("drop.looking") }]);
    preview = URL.createObjectURL(file);
    const seen = await lookAt(kind, preview, media);
    if (mine !== turn) return;
    const measured = measuredProblem(kind, seen, limits);
    if (measured?.long && file.size <= MENDABLE_BYTES) tooLong(seen.seconds, { name: file.name, file }, problem(measured));
    else if (measured) clear(problem(measured, measured.mendable ? fix(() => void sendAndMend(file)) : []));
    else await sendAndJudge(file, seen, mine);
  }
  async function sendAndJudge(file, seen, mine) {
    try {
      const path = await deliver(file);
      if (mine !== turn) return;
      say([{ level: "busy", text: t("drop.checking") }]);
      const verdict = await judge({ path, orig_name: file.name });
      if (mine === turn) judged(verdict, file.name, !seen);
    } catch (error) {
      if (mine !== turn) return;
      pick = { name: file.name, failed: true };
      const { text, next } = kit.sentence(error);
      say([{ level: "bad", text, next, actions: again(() => { pick = { name: file.name, busy: true }; changed(); void sendAndJudge(file, seen, mine); }) }]);
      changed();
    }
  }
  const found = (level) => (item) => ({
    level,
    text: kit.known(`problem.${item.code}`) && !t(`problem.${item.code}`).includes("{") ? t(`problem.${item.code}`) : item.message,
    next: item.next_step,
  });
  // One button mends everything that can be mended.
  const listed = (items, level, known) => items.map((item) => ({
    ...found(level)(item),
    actions: item === items.find((one) => one.fix) ? fix(() => void mend(known)) : [],
  }));
  function judged(verdict, called, unseen = false) {
    const { report } = verdict;
    const known = { path: verdict.file.path, name: called };
    if (!report.ok) {
      const seconds = report.facts?.duration_seconds;
      const tooMuch = report.problems.some((item) => item.fix === "trim") && report.problems.every((item) => item.fix);
      if (seconds && tooMuch) {
        showServers(verdict);
        name(called, factsText(report.facts));
        tooLong(seconds, known, ...report.problems.map(found("bad")));
        return;
      }
      clear(...listed(report.problems, "bad", known));
      return;
    }
    pick = { ...verdict.file, name: called, facts: report.facts, prices: verdict.prices ?? null, poster: verdict.poster ?? null };
    name(called, factsText(report.facts));
    showServers(verdict);
    cutButton.hidden = kind !== "video" || report.facts.duration_seconds < limits.min_seconds + 1;
    const notes = [...listed(report.warnings, "warn", known), ...(unseen ? [{ level: "warn", text: t("drop.undecodable") }] : [])];
    say(notes);
    if (readAgain) pick.reading = secondReading(pick, notes, known);
    changed();
  }
  // What a second reader says otherwise, after the verdict: true where that is news.
  async function secondReading(read, notes, known) {
    const mine = turn;
    const { warnings } = await readAgain({ path: known.path }).catch(() => ({ warnings: [] }));
    read.reading = null;
    if (mine !== turn || pick !== read || !warnings.length) return false;
    say([...notes, ...listed(warnings, "warn", known)]);
    return true;
  }
  // A file of this computer is on show already; otherwise the server's copy, or a still of what the browser cannot play.
  function showServers({ preview_url, poster }) {
    const node = media.firstElementChild;
    const dark = node?.tagName === "VIDEO" && !node.videoWidth;
    if (preview_url && !preview) {
      media.replaceChildren(kind === "image" ? picturePreview(kind, preview_url) : motionPreview(preview_url, { preload: "metadata", poster }));
    } else if (poster && (!node || dark)) media.replaceChildren(el("img", { src: poster, alt: t(`drop.${kind}.alt`) }));
  }

  // Takes a file that the server already has: an example, a job's own input, the draft after a reload. True once it is
  // judged, whatever the judgement.
  async function restore(known) {
    const mine = begin({ name: known.name, path: known.path }, { picture: known.poster ? el("img", { src: known.poster, alt: t(`drop.${kind}.alt`) }) : skeleton() });
    try {
      const verdict = await judge({ path: known.path, orig_name: known.name });
      if (mine !== turn) return false;
      judged(verdict, known.name);
      return true;
    } catch (error) {
      if (mine !== turn) return false;
      if (error.code !== "no_connection") { clear({ level: "warn", text: t("drop.gone") }); return false; }
      pick = { name: known.name, path: known.path, failed: true };
      const { text, next } = kit.sentence(error);
      say([{ level: "bad", text, next, actions: again(() => void restore(known)) }]);
      changed();
      return false;
    }
  }

  // ---- mending ---------------------------------------------------------------------------------------------------
  // Makes a file acceptable on the server; the original stays there, and can be taken back. part: {start, end} in seconds;
  // without one as much is kept as any orientation takes, so that the person chooses what to cut for the present one.
  async function mend(original, part = {}) {
    const mine = begin({ name: original.name }, { picture: media.firstElementChild ?? skeleton() });
    const cancel = { label: t("common.cancel"), run: () => void restore(original) };
    try {
      for await (const state of mendFile({ kind, path: original.path, character_orientation: part.end ? facing() : "video", ...part })) {
        if (mine !== turn) return;
        if (state.file) {
          if (await restore({ ...state.file, name: original.name.replace(/\.\w+$/, "") + (/\.\w+$/.exec(state.file.name)?.[0] ?? "") })) note.prepend(line({
            level: "good",
            text: state.changes.length ? t("mend.done", { changes: state.changes.join(" ") }) : t("mend.unchanged"),
            lines: [state.before && t("mend.before", { facts: factsText(state.before) }), t("mend.after", { facts: factsText(state.after) })],
            actions: [{ label: t("mend.back"), run: () => void restore(original) }],
          }));
        } else {
          const text = state.place ? t("mend.waiting", { n: state.place }) : t("mend.working", { n: kit.number(state.progress * 100) });
          say([{ level: "busy", text, actions: [cancel] }]);
        }
      }
    } catch (error) {
      if (mine !== turn) return;
      const { text, next } = kit.sentence(error);
      clear({ level: "bad", text, next, actions: again(() => void mend(original, part)) });
    }
  }
  async function sendAndMend(file, part = {}) {
    const mine = begin({ name: file.name }, { picture: media.firstElementChild ?? skeleton(), size: file.size });
    try {
      const path = await deliver(file);
      if (mine === turn) await mend({ path, name: file.name }, part);
    } catch (error) {
      if (mine !== turn) return;
      const { text, next } = kit.sentence(error);
      clear({ level: "bad", text, next, actions: again(() => void sendAndMend(file, part)) });
    }
  }
  const cutTo = (part) => (pick.long?.file ? sendAndMend(pick.long.file, part) : mend({ path: pick.long?.path ?? pick.path, name: pick.name }, part));

  // ---- what a person does ----------------------------------------------------------------------------------------
  input.addEventListener("change", () => void take(input.files[0]));
  for (const event of ["dragenter", "dragover", "dragleave", "drop"]) {
    zone.addEventListener(event, (happened) => {
      zone.classList.toggle("over", carriesFiles(happened) && (event === "dragenter" || event === "dragover"));
    });
  }
  linkInput.addEventListener("input", () => linked());
  function linked() {
    const address = linkInput.value.trim();
    forget();
    media.replaceChildren();
    face(false);
    const plausible = /^https:\/\/[^\s/]+\.[^\s/]+/.test(address);
    pick = address ? { url: address, name: address, failed: !plausible } : null;
    say(!address ? [] : plausible ? [{ level: "good", text: t(`drop.${kind}.linked`) }] : [problem({ code: "link" })]);
    changed();
  }

  return {
    zone, take, restore, clear,
    takes(called) { return endsWithOne(called, [...ACCEPTED[kind], ...CONVERTIBLE[kind]]); },
    get pick() { return pick; },
    link(address) { linkBox.open = true; linkInput.value = address; linked(); },
    // Something that depends on the rest of the form, such as the length that the orientation allows.
    extra(list) {
      const key = JSON.stringify(list);
      if (key === extraKey) { trim.refit(); return; }
      extraKey = key;
      note.querySelectorAll("[data-extra]").forEach((node) => node.remove());
      note.append(...list.map((item) => line({ ...item, level: "bad", extra: true })));
      if (list.length) trim.open(pick.facts.duration_seconds);
      else if (forced) trim.close();
      forced = list.length > 0;
      trim.refit();
    },
    focus() { (trim.isOpen ? trim : input).focus(); },
  };
}
