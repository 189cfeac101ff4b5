"use strict";
// Decisions on images become a command line, which writes them into index.csv.
const line = document.getElementById("decisions"), base = JSON.parse(document.getElementById("data").textContent);
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
const options = { use: "--use=", "leave out": "--leave-out=", "": "--undecided=" };
function compose() {
  const changed = [...document.querySelectorAll("select[data-image]")].filter((one) => one.value !== one.dataset.decision);
  const words = changed.map((one) => quoted(options[one.value] + one.dataset.image));
  line.textContent = [base, ...words].join(" ");
  document.getElementById("bar").hidden = changed.length === 0;
}
document.querySelectorAll("select[data-image]").forEach((one) => {
  one.closest("label").hidden = false;
  one.addEventListener("change", compose);
});
document.getElementById("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(line.textContent);
  } catch {
    getSelection().selectAllChildren(line);
  }
});
