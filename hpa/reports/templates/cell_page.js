"use strict";
// The page of `hpa show`. Texts are set as textContent only: no name of a class or an image is ever read as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), trueCanvas = $("true-canvas"), otherCanvases = [...document.querySelectorAll("canvas.other")];
const state = { image: 0, zoom: 1, x: 0, y: 0, selected: 0 };
const channels = data.channels.map((channel) => ({ ...channel, on: true, black: 0, white: 1 }));
const UNPREDICTED = { colour: "#6a7a7a", dash: [] }, PLAIN = { colour: "#f3f7e9", dash: [] };
let planes = [], mixed = null;

const element = (name, text, parent) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const trueClass = $("true-class");
const passes = (cell) => {
  if (trueClass && trueClass.value !== "" && !(cell.truth || []).includes(Number(trueClass.value))) return false;
  const best = cell.scores[0], wanted = $("class").value, least = Number($("confidence").value) || -Infinity;
  if (wanted === "") return least === -Infinity || (best !== undefined && best[1] >= least);
  const score = cell.scores.find(([index]) => index === Number(wanted));
  return score !== undefined && score[1] >= least;
};
const shownCells = (image) => image.cells.filter(passes);
const nameOf = (index) => data.classes[index].name;

function composite() {
  // channels are stretched between their levels, and added in the colours of their tints
  const image = data.images[state.image], sum = new Float32Array(3 * image.width * image.height);
  planes.forEach((plane, index) => {
    const channel = channels[index];
    if (!channel.on || !plane) return;
    const span = Math.max(channel.white - channel.black, 0.01) * 255;
    for (let place = 0; place < plane.length; place += 1) {
      const level = Math.min(1, Math.max(0, (plane[place] - 255 * channel.black) / span));
      for (let part = 0; part < 3; part += 1) sum[3 * place + part] += level * channel.tint[part];
    }
  });
  const picture = new ImageData(image.width, image.height);
  for (let place = 0; place < image.width * image.height; place += 1) {
    for (let part = 0; part < 3; part += 1) picture.data[4 * place + part] = sum[3 * place + part];
    picture.data[4 * place + 3] = 255;
  }
  mixed = document.createElement("canvas");
  mixed.width = image.width; mixed.height = image.height;
  mixed.getContext("2d").putImageData(picture, 0, 0);
}
function pathOf(cell) {
  const path = new Path2D();
  for (const line of cell.lines) {
    for (let place = 0; place < line.length; place += 2) path[place ? "lineTo" : "moveTo"](line[place], line[place + 1]);
    path.closePath();
  }
  return path;
}
function paint(target, cells, selected) {
  const image = data.images[state.image], context = target.getContext("2d");
  target.width = 2 * image.width; target.height = 2 * image.height;
  const scale = 2 * state.zoom;
  context.setTransform(scale, 0, 0, scale, -scale * state.x, -scale * state.y);
  context.imageSmoothingEnabled = state.zoom < 3;
  if (mixed) context.drawImage(mixed, 0, 0);
  for (const cell of cells) {
    const look = cell.scores.length ? data.classes[cell.scores[0][0]] : data.classes.length && !otherCanvases.includes(target) ? UNPREDICTED : PLAIN;
    const path = pathOf(cell), width = (cell.number === selected ? 7 : 3.5) / scale;
    context.setLineDash([]);
    context.strokeStyle = "#000"; context.lineWidth = width + 3 / scale; context.stroke(path);
    context.setLineDash(look.dash.map((length) => length * width));
    context.strokeStyle = look.colour; context.lineWidth = width; context.stroke(path);
    const [x, y] = middle(cell);
    context.font = `600 ${24 / scale}px sans-serif`; context.textAlign = "center";
    context.setLineDash([]); context.lineWidth = 5 / scale; context.strokeStyle = "#000";
    context.strokeText(cell.number, x, y); context.fillStyle = "#fff"; context.fillText(cell.number, x, y);
  }
}
function draw() {
  const image = data.images[state.image];
  if (!image) return;
  paint(canvas, shownCells(image), state.selected);
  if (trueCanvas) paint(trueCanvas, image.true || [], 0);
  otherCanvases.forEach((one, number) => paint(one, image.others[number].cells, 0));
}
function middle(cell) {
  const line = cell.lines[0] || [0, 0];
  let x = 0, y = 0;
  for (let place = 0; place < line.length; place += 2) { x += line[place]; y += line[place + 1]; }
  return [(2 * x) / line.length, (2 * y) / line.length];
}
function swatch(index, parent) {
  const made = element("i", undefined, parent);
  made.className = "swatch"; made.style.cssText = data.classes[index].css;
}
function classes(cell, parent, scores) {
  for (const [index, confidence] of scores) {
    const item = element("li", undefined, parent);
    swatch(index, item);
    element("span", nameOf(index), item);
    if (confidence !== undefined) element("span", confidence.toFixed(2), item).className = "value";
  }
  if (!scores.length) element("li", "none", parent).className = "muted";
}
function list() {
  const image = data.images[state.image], body = $("cells"), shown = image ? shownCells(image) : [];
  body.replaceChildren();
  for (const cell of shown) {
    const row = element("tr", undefined, body);
    row.setAttribute("aria-selected", String(cell.number === state.selected));
    const button = element("button", cell.number, element("th", undefined, row));
    button.type = "button"; button.setAttribute("aria-label", `Show cell ${cell.number}`);
    button.onclick = () => { select(cell.number); selectedButton()?.focus(); };
    classes(cell, element("ul", undefined, element("td", undefined, row)), cell.scores.slice(0, 3));
    if (!trueClass && !trueCanvas) continue;
    const truth = element("td", cell.truth ? undefined : trueCanvas ? "not matched" : "not known", row);
    if (cell.truth) classes(cell, element("ul", undefined, truth), cell.truth.map((index) => [index]));
  }
  $("shown").textContent = image ? `${shown.length} of ${image.cells.length} cells of this image shown` : "no image";
}
function count() {
  // of each class: cells of this image and of all, predicted and, where it is known, true
  const counts = data.classes.map(() => [0, 0, 0, 0]);
  const add = (cells, column, here) => {
    for (const { scores } of cells) if (scores.length) {
      counts[scores[0][0]][column + 1] += 1;
      if (here) counts[scores[0][0]][column] += 1;
    }
  };
  data.images.forEach((one, number) => {
    const shown = shownCells(one);
    add(shown, 0, number === state.image);
    for (const cell of one.true || []) for (const score of cell.scores) add([{ scores: [score] }], 2, number === state.image);
    $("image").options[number].textContent = `${one.id} · ${shown.length}`;
  });
  $("table").replaceChildren();
  counts.forEach((numbers, index) => {
    if (!numbers[1] && !numbers[3]) return;
    const row = element("tr", undefined, $("table")), name = element("th", undefined, row);
    name.scope = "row";
    swatch(index, name);
    element("span", nameOf(index), name);
    for (const number of numbers.slice(0, trueCanvas ? 4 : 2)) element("td", number, row);
  });
  $("limit").textContent = Number($("confidence").value).toFixed(2);
}
const selectedButton = () => $("cells").querySelector('[aria-selected="true"] button');
function select(number) {
  state.selected = number;
  list(); draw();
}
function update() { list(); count(); draw(); }
function open(number) {
  if (!data.images[number]) return update();
  Object.assign(state, { image: number, zoom: 1, x: 0, y: 0, selected: 0 });
  $("image").value = number;
  otherCanvases.forEach((one, place) => { one.parentElement.querySelector("span").textContent = data.images[number].others[place].words; });
  const { width, height, planes: sources } = data.images[number];
  mixed = null;
  const loading = (planes = sources.map(() => null));
  sources.forEach((source, index) => {
    const picture = new Image();
    picture.onload = () => {
      if (loading !== planes) return;
      const small = document.createElement("canvas");
      small.width = width; small.height = height;
      const brush = small.getContext("2d", { willReadFrequently: true });
      brush.drawImage(picture, 0, 0, width, height);
      planes[index] = brush.getImageData(0, 0, width, height).data.filter((_, place) => place % 4 === 0);
      composite(); draw();
    };
    picture.src = source;
  });
  update();
}
function zoom(factor, at) {
  const image = data.images[state.image];
  if (!image) return;
  const [u, v] = at || [0.5, 0.5], before = state.zoom;
  state.zoom = Math.min(16, Math.max(1, state.zoom * factor));
  move(image.width * u * (1 / before - 1 / state.zoom), image.height * v * (1 / before - 1 / state.zoom));
}
function move(x, y) {
  const image = data.images[state.image];
  if (!image) return;
  const within = (value, side) => Math.min(side - side / state.zoom, Math.max(0, value));
  state.x = within(state.x + x, image.width); state.y = within(state.y + y, image.height);
  draw();
}
function save() {
  // a cell of a table program that begins with = + - or @ would be a formula
  const quoted = (text) => `"${String(text).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const rows = ["ID,cell,class,confidence"];
  for (const image of data.images) for (const cell of shownCells(image)) {
    const [best] = cell.scores;
    rows.push([quoted(image.id), cell.number, best ? quoted(nameOf(best[0])) : "", best ? best[1] : ""].join(","));
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"], { type: "text/csv" }));
  link.download = "cells.csv"; link.click();
}
function range(label, name, value, parent, act) {
  element("span", name, parent).className = "muted";
  const made = element("input", undefined, parent);
  made.type = "range"; made.min = 0; made.max = 1; made.step = 0.01; made.value = value;
  made.setAttribute("aria-label", label);
  made.oninput = () => act(Number(made.value));
}
data.images.forEach((image, number) => { element("option", image.id, $("image")).value = number; });
for (const select of [$("class"), ...(trueClass ? [trueClass] : [])]) data.classes.forEach((one, number) => { element("option", one.name, select).value = number; });
for (const button of document.querySelectorAll("button[data-class]")) button.onclick = () => {
  trueClass.value = button.dataset.class;
  $("class").value = ""; $("confidence").value = 0;
  open(Number(button.dataset.image));
  canvas.scrollIntoView({ block: "nearest" });
};
for (const channel of channels) {
  const row = element("div", undefined, $("channels")), label = element("label", undefined, row);
  const box = element("input", undefined, label), again = () => { composite(); draw(); };
  row.className = "channel";
  box.type = "checkbox"; box.checked = true; box.setAttribute("aria-label", `Show ${channel.name}`);
  element("span", channel.name, label);
  box.onchange = () => { channel.on = box.checked; again(); };
  range(`Black level of ${channel.name}`, "black", 0, row, (value) => { channel.black = value; again(); });
  range(`White level of ${channel.name}`, "white", 1, row, (value) => { channel.white = value; again(); });
}
$("image").onchange = () => open(Number($("image").value));
$("class").onchange = $("confidence").oninput = update;
if (trueClass) trueClass.onchange = update;
$("closer").onclick = () => zoom(1.5);
$("farther").onclick = () => zoom(1 / 1.5);
$("whole").onclick = () => zoom(1 / 64);
$("export").onclick = save;
for (const one of [canvas, ...(trueCanvas ? [trueCanvas] : []), ...otherCanvases]) {
  let moved = 0;
  one.onwheel = (event) => {
    event.preventDefault();
    const box = one.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  };
  one.onpointerdown = (event) => { moved = 0; one.setPointerCapture(event.pointerId); };
  one.onpointermove = (event) => {
    if (!event.buttons) return;
    moved += Math.abs(event.movementX) + Math.abs(event.movementY);
    const share = one.width / 2 / one.getBoundingClientRect().width / state.zoom;
    move(-event.movementX * share, -event.movementY * share);
  };
  one.onclick = (event) => {
    const image = data.images[state.image];
    if (moved > 4 || !image || one !== canvas) return;
    const place = [event.offsetX * (canvas.width / canvas.clientWidth), event.offsetY * (canvas.height / canvas.clientHeight)];
    const context = canvas.getContext("2d"); // its transform does not count: places are those of the image
    const at = [state.x + place[0] / 2 / state.zoom, state.y + place[1] / 2 / state.zoom];
    context.setTransform(1, 0, 0, 1, 0, 0);
    const hit = shownCells(image).find((cell) => context.isPointInPath(pathOf(cell), ...at));
    select(hit ? hit.number : 0);
    selectedButton()?.scrollIntoView({ block: "nearest" });
  };
  one.onkeydown = (event) => {
    const step = 40 / state.zoom, steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (steps[event.key]) move(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") zoom(1 / 64);
    else if (event.key === "n") open(Math.min(state.image + 1, data.images.length - 1));
    else if (event.key === "p") open(Math.max(state.image - 1, 0));
    else return;
    event.preventDefault();
  };
}
open(0);
