"use strict";
// The page of a run: one image after another, where the network looked, and commands to the clipboard. Without this script the first two images
// and all commands are there.
const chooser = document.getElementById("image"), articles = [...document.querySelectorAll("article.field")];
function show() {
  const chosen = chooser.value;
  articles.forEach((article, place) => { article.hidden = chosen === "" ? place > 1 : article.dataset.image !== chosen; });
}
function step(by) {
  const count = chooser.options.length;
  chooser.selectedIndex = (chooser.selectedIndex + by + count) % count;
  show();
}
if (chooser) {
  document.getElementById("chooser").hidden = false;
  chooser.addEventListener("change", show);
  document.getElementById("before").addEventListener("click", () => step(-1));
  document.getElementById("after").addEventListener("click", () => step(1));
  show();
}
document.querySelectorAll("button[data-looks]").forEach((button) => {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    const on = document.getElementById(button.dataset.looks).classList.toggle("looking");
    button.setAttribute("aria-pressed", on);
  });
});
document.querySelectorAll("button[data-copies]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copies));
      button.textContent = "Selected";
    }
  });
});
