// A quiet way to sign in or out, at the end of the page's head. Where the page lives in another site's frame, signing in
// opens a tab of its own, and the ticket brings along what was made here.
const framed = window.top !== window;
const draw = (state) => {
  const label = state.signed_in ? t("head.sign_out") : t("head.sign_in");
  const form = el("form.mc-signin", { method: "post", action: kit.url(state.signed_in ? "signout" : "signin"), target: framed && !state.signed_in && "_blank" },
    el("input", { type: "hidden", name: "ticket", value: state.ticket }),
    el("button.mc-link", { type: "submit", title: state.name || null }, label));
  (document.querySelector(".mc-mode") ?? element).append(form);
};
element.closest(".mc-part").style.display = "none";
kit.json("signin/state").then(draw, () => { /* without an answer there is nothing to sign in with */ });
