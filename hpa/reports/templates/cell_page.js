"use strict";
// The page of `hpa show`. Texts are set as textContent only: no name of a class or an image is ever read as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), context = canvas.getContext("2d");
const state = { image: 0, zoom: 1, x: 0, y: 0, selected: 0 };
const channels = data.channels.map((channel) => ({ ...channel, on: true, gain: 1 }));
let planes = [];

const element = (name, text, parent) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const passes = (cell) => {
  const best = cell.scores[0], wanted = $("class").value, least = Number($("confidence").value);
  if (wanted === "" ) return least === 0 || (best !== undefined && best[1] >= least);
  const score = cell.scores.find(([index]) => index === Number(wanted));
  return score !== undefined && score[1] >= least;
};
const shownCells = (image) => image.cells.filter(passes);
const nameOf = (index) => data.classes[index].name;

function composite() {
  // channels are added in the colours of their tints
  const image = data.images[state.image];
  const mixed = document.createElement("canvas");
  mixed.width = image.width; mixed.height = image.height;
  const brush = mixed.getContext("2d");
  planes.forEach((plane, index) => {
    const channel = channels[index];
    if (!channel.on || !plane.complete || !plane.naturalWidth) return;
    const tinted = document.createElement("canvas");
    tinted.width = image.width; tinted.height = image.height;
    const one = tinted.getContext("2d");
    one.filter = `brightness(${channel.gain})`;
    one.drawImage(plane, 0, 0, image.width, image.height);
    one.filter = "none";
    one.globalCompositeOperation = "multiply";
    one.fillStyle = `rgb(${channel.tint.join(",")})`;
    one.fillRect(0, 0, image.width, image.height);
    brush.globalCompositeOperation = "lighter";
    brush.drawImage(tinted, 0, 0);
  });
  return mixed;
}

let mixed = null;
function draw() {
  const image = data.images[state.image];
  if (!image) return;
  canvas.width = 2 * image.width; canvas.height = 2 * image.height;
  const scale = 2 * state.zoom;
  context.setTransform(scale, 0, 0, scale, -scale * state.x, -scale * state.y);
  context.imageSmoothingEnabled = state.zoom < 3;
  if (mixed) context.drawImage(mixed, 0, 0);
  for (const cell of shownCells(image)) {
    const look = cell.scores.length ? data.classes[cell.scores[0][0]] : { colour: data.classes.length ? "#6a7a7a" : "#f3f7e9", dash: [] };
    const path = new Path2D();
    for (const line of cell.lines) {
      for (let place = 0; place < line.length; place += 2) path[place ? "lineTo" : "moveTo"](line[place], line[place + 1]);
      path.closePath();
    }
    const width = (cell.number === state.selected ? 7 : 3.5) / scale;
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
function middle(cell) {
  const line = cell.lines[0] || [0, 0];
  let x = 0, y = 0;
  for (let place = 0; place < line.length; place += 2) { x += line[place]; y += line[place + 1]; }
  return [(2 * x) / line.length, (2 * y) / line.length];
}
function classes(cell, parent, scores) {
  for (const [index, confidence] of scores) {
    const item = element("li", undefined, parent);
    element("i", undefined, item).className = "swatch";
    item.firstChild.style.cssText = data.classes[index].css;
    element("span", nameOf(index), item);
    if (confidence !== undefined) element("span", confidence.toFixed(2), item).className = "value";
  }
  if (!scores.length) element("li", "none", parent).className = "muted";
}
function list() {
  const image = data.images[state.image], body = $("cells");
  body.replaceChildren();
  const shown = image ? shownCells(image) : [];
  for (const cell of shown) {
    const row = element("tr", undefined, body);
    row.setAttribute("aria-selected", String(cell.number === state.selected));
    const button = element("button", cell.number, element("th", undefined, row));
    button.type = "button"; button.setAttribute("aria-label", `Show cell ${cell.number}`);
    button.onclick = () => { state.selected = cell.number; update(); $("cells").querySelector('[aria-selected="true"] button')?.focus(); };
    classes(cell, element("ul", undefined, element("td", undefined, row)), cell.scores.slice(0, 3));
    const truth = element("td", cell.truth ? undefined : "not known", row);
    if (cell.truth) classes(cell, element("ul", undefined, truth), cell.truth.map((index) => [index]));
  }
  $("shown").textContent = image ? `${shown.length} of ${image.cells.length} cells of this image shown` : "no image";
  const counts = data.classes.map(() => [0, 0]);
  data.images.forEach((one, number) => {
    for (const cell of shownCells(one)) if (cell.scores.length) {
      counts[cell.scores[0][0]][1] += 1;
      if (number === state.image) counts[cell.scores[0][0]][0] += 1;
    }
  });
  $("table").replaceChildren();
  counts.forEach(([here, everywhere], index) => {
    if (!everywhere) return;
    const row = element("tr", undefined, $("table")), name = element("th", undefined, row);
    element("i", undefined, name).className = "swatch";
    name.firstChild.style.cssText = data.classes[index].css;
    element("span", nameOf(index), name);
    element("td", here, row); element("td", everywhere, row);
  });
  $("limit").textContent = Number($("confidence").value).toFixed(2);
}
function update() { list(); draw(); }
function open(number) {
  Object.assign(state, { image: number, zoom: 1, x: 0, y: 0, selected: 0 });
  mixed = null;
  planes = (data.images[number]?.planes || []).map((source) => {
    const plane = new Image();
    plane.onload = () => { mixed = composite(); draw(); };
    plane.src = source;
    return plane;
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
  const rows = [["ID", "cell", "class", "confidence"].join(",")];
  for (const image of data.images) for (const cell of shownCells(image)) for (const [index, confidence] of cell.scores.slice(0, 1))
    rows.push([quoted(image.id), cell.number, quoted(nameOf(index)), confidence].join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"], { type: "text/csv" }));
  link.download = "cells.csv"; link.click();
}
data.images.forEach((image, number) => { element("option", image.id, $("image")).value = number; });
data.classes.forEach((one, number) => { element("option", one.name, $("class")).value = number; });
channels.forEach((channel) => {
  const label = element("label", undefined, $("channels")), box = element("input", undefined, label);
  box.type = "checkbox"; box.checked = true; box.setAttribute("aria-label", `Show ${channel.name}`);
  element("span", channel.name, label);
  const gain = element("input", undefined, label);
  gain.type = "range"; gain.min = 0; gain.max = 4; gain.step = 0.05; gain.value = 1;
  gain.setAttribute("aria-label", `Brightness of ${channel.name}`);
  box.onchange = gain.oninput = () => { channel.on = box.checked; channel.gain = Number(gain.value); mixed = composite(); draw(); };
});
$("image").onchange = () => open(Number($("image").value));
$("class").onchange = $("confidence").oninput = update;
$("closer").onclick = () => zoom(1.5);
$("farther").onclick = () => zoom(1 / 1.5);
$("whole").onclick = () => zoom(1 / 64);
$("export").onclick = save;
canvas.onwheel = (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
};
canvas.onpointerdown = (event) => canvas.setPointerCapture(event.pointerId);
canvas.onpointermove = (event) => {
  if (!event.buttons) return;
  const share = canvas.width / 2 / canvas.getBoundingClientRect().width / state.zoom;
  move(-event.movementX * share, -event.movementY * share);
};
canvas.onkeydown = (event) => {
  const step = 40 / state.zoom, steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  if (steps[event.key]) move(...steps[event.key]);
  else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else return;
  event.preventDefault();
};
open(0);
