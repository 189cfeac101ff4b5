"use strict";
// The page of `hpa explore`. Texts are set as textContent only: no name of a class or an image is ever read as HTML.
const token = new URLSearchParams(location.search).get("token") || "";
const $ = (id) => document.getElementById(id);
const PAGE = 48, KEYS = "1234567890abcdefghijkloqrstvwyz";
const state = { rows: [], page: 0, cell: -1, chosen: new Set(), lasso: null, marked: new Set(), corrected: {}, view: { x: 0, y: 0, zoom: 0.95 } };
let facts, column = {}, places = null, measured = null;

const element = (name, text, parent) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
function say(text) { $("message").textContent = text || ""; }
async function get(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { "X-Hpa-Token": token, ...(options.headers || {}) } }).catch(() => {
    throw new Error("hpa explore does not answer: start it again and open the address that it prints; every correction that it took is on disk.");
  });
  if (answer.ok) return answer;
  const content = (answer.headers.get("content-type") || "").includes("json") ? (await answer.json()).error : await answer.text();
  throw new Error(content);
}
const json = async (path) => (await get(path)).json();
const floats = async (path) => new Float32Array(await (await get(path)).arrayBuffer());
const post = async (path, content) => (await get(path, { method: "POST", body: JSON.stringify(content), headers: { "Content-Type": "application/json" } })).json();
const picture = async (path) => URL.createObjectURL(await (await get(path)).blob());
const guarded = (act) => async (...values) => { try { say(""); return await act(...values); } catch (error) { say(error.message); } };

function fetched(path, image) {
  // a picture is fetched when it comes into view, and not if it left the page before
  watcher.observe(image);
  image.dataset.path = path;
}
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    picture(target.dataset.path).then((address) => { target.onload = () => URL.revokeObjectURL(address); target.src = address; }).catch((error) => { target.alt = error.message; say(error.message); });
  }
}, { rootMargin: "200px" });

function classesOf(row) {
  const corrected = state.corrected[row];
  if (corrected?.deleted) return "deleted";
  if (corrected?.merged !== undefined) return "merged";
  if (corrected?.classes) return `✓ ${corrected.classes.join(" + ") || "no class"}`;
  const best = column.best[row];
  return best < 0 ? "no class" : `${facts.classes[best].name} ${column.confidence[row].toFixed(2)}`;
}
const rankings = {};
function ranking(order) {
  // rows by an order, the highest value first and those without one last; sorted once, as numbers in one array
  const by = { errors: column.errors, uncertain: column.uncertain, sure: column.confidence }[order];
  if (!by || rankings[order]) return rankings[order];
  const keys = new Float64Array(facts.cells), RANGE = 2 ** 24;
  for (let row = 0; row < facts.cells; row += 1) keys[row] = (RANGE - Math.round((Number.isNaN(by[row]) ? -1 : Math.min(1, by[row])) * RANGE)) * RANGE + row;
  rankings[order] = keys.sort().map((key) => key % RANGE);
  return rankings[order];
}
function passing() {
  const number = (id, other) => ($(id).value === "" ? other : Number($(id).value));
  const predicted = $("predicted").value, labelled = $("labelled").value, wanted = $("state").value;
  const from = number("from", 0), to = number("to", 1) >= 1 ? Infinity : number("to", 1), least = number("least", -Infinity), most = number("most", Infinity);
  const image = facts.images.indexOf($("image").value), text = $("image").value;
  const [category, value] = $("category").value ? JSON.parse($("category").value) : [null];
  const found = [], ranked = ranking($("order").value);
  for (let at = 0; at < facts.cells; at += 1) {
    const row = ranked ? ranked[at] : at;
    if (predicted !== "" && column.best[row] !== Number(predicted)) continue;
    if (labelled !== "" && column.label[row] !== Number(labelled)) continue;
    if (column.confidence[row] < from || column.confidence[row] > to) continue;
    if (measured && !(measured[row] >= least && measured[row] <= most)) continue;
    if (text && (image >= 0 ? column.image[row] !== image : !facts.images[column.image[row]].includes(text))) continue;
    if (category && facts.categories[category][column.image[row]] !== value) continue;
    if (wanted === "corrected" && !state.corrected[row]) continue;
    if (wanted === "open" && state.corrected[row]) continue;
    if (wanted === "disagree" && !(column.errors[row] > 0.5)) continue;
    if (state.lasso && !state.lasso.has(row)) continue;
    found.push(row);
  }
  return found;
}
function filter() {
  state.rows = passing();
  state.page = 0;
  const counts = new Map();
  for (const row of state.rows) counts.set(column.best[row], (counts.get(column.best[row]) || 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([best, count]) => `${best < 0 ? "no class" : facts.classes[best].name} ${count}`);
  $("shown").textContent = `${state.rows.length} of ${facts.cells} cells: ${most.join(", ") || "none"}`;
  gallery(); draw();
}
function thumb(row, parent, act) {
  const button = element("button", undefined, parent), image = element("img", undefined, button);
  button.type = "button"; button.dataset.row = row;
  image.alt = `Cell ${column.number[row]} of ${facts.images[column.image[row]]}`;
  fetched(`/cell/${row}/picture`, image);
  element("span", classesOf(row), button);
  button.onclick = (event) => act(row, event);
  return button;
}
function gallery() {
  const shown = state.rows.slice(state.page * PAGE, (state.page + 1) * PAGE);
  $("thumbs").replaceChildren();
  for (const row of shown) thumb(row, $("thumbs"), pick);
  mark();
  const last = Math.max(1, Math.ceil(state.rows.length / PAGE));
  $("page").textContent = `page ${state.page + 1} of ${last}`;
}
function mark() {
  for (const button of $("thumbs").children) {
    const row = Number(button.dataset.row);
    button.setAttribute("aria-pressed", String(state.chosen.has(row)));
    button.setAttribute("aria-current", String(row === state.cell));
  }
  if ($("changes")) $("changes").textContent = `${state.chosen.size} chosen · ${state.changes || 0} changes`;
}
function pick(row, event) {
  if (event?.shiftKey && state.cell >= 0) {
    const [a, b] = [state.rows.indexOf(state.cell), state.rows.indexOf(row)].sort((x, y) => x - y);
    for (const between of state.rows.slice(Math.max(a, 0), b + 1)) state.chosen.add(between);
  } else if (event?.ctrlKey || event?.metaKey) {
    if (state.chosen.has(row)) state.chosen.delete(row); else state.chosen.add(row);
  } else state.chosen = new Set([row]);
  show(row);
}
const show = guarded(async (row) => {
  state.cell = row;
  mark(); marks(); draw();
  const image = column.image[row], id = facts.images[image];
  $("cell-name").textContent = `Cell ${column.number[row]} of ${id}`;
  const cell = await json(`/cell/${row}`);
  if (state.cell !== row) return;
  $("detail").hidden = false;
  $("parts").replaceChildren();
  for (const channel of ["all", ...cell.channels]) {
    const figure = element("figure", undefined, $("parts")), picture = element("img", undefined, figure);
    picture.alt = `Channel ${channel}`;
    fetched(`/cell/${row}/picture${channel === "all" ? "" : `?channels=${encodeURIComponent(channel)}`}`, picture);
    element("figcaption", channel, figure);
  }
  $("scores").replaceChildren();
  for (const [index, confidence] of cell.scores.slice(0, 6)) {
    element("span", facts.classes[index].name, $("scores"));
    element("b", undefined, element("div", undefined, $("scores"))).style.cssText = `display:block;width:${100 * Math.min(1, Math.max(0, confidence))}%`;
    element("span", confidence.toFixed(2), $("scores"));
  }
  const names = cell.labels?.map((index) => facts.classes[index].name).join(", ");
  $("labels").textContent = cell.labels ? `${cell.labels_are_of_image ? "Labels of the image" : "Labels of the cell"}: ${names || "none"}` : "";
  $("similar").replaceChildren();
  for (const other of cell.similar) thumb(other, $("similar"), pick);
  $("facts").replaceChildren();
  for (const [name, value] of Object.entries(cell.measurements)) {
    const line = element("tr", undefined, $("facts"));
    element("th", name, line).scope = "row"; element("td", value, line);
  }
  if ($("looked")) looked(row);
  await field(image, row);
});
async function looked(row) {
  const choice = $("looked-class").value, figure = $("looked"), [image, caption] = figure.children;
  figure.hidden = choice === "";
  if (choice === "" || row < 0) return;
  const index = choice === "first" ? column.best[row] : Number(choice), name = facts.classes[index]?.name;
  image.hidden = true; image.alt = `Where the network looked for ${name}`;
  caption.textContent = index < 0 ? "No class is predicted." : "…";
  if (index < 0) return;
  const words = `${name}. Yellow: the place that supports the class most; grey: none, or against it (HiResCAM).`;
  const [address, text] = await picture(`/cell/${row}/looked/${index}`).then((found) => [found, words], (error) => [null, error.message]);
  if (row !== state.cell) return;
  if (address) { image.onload = () => URL.revokeObjectURL(address); image.src = address; }
  image.hidden = !address; caption.textContent = text;
}
let shownField = null;
async function field(image, row) {
  if (shownField?.image !== image) {
    const content = await json(`/image/${image}`), source = new Image();
    source.src = await picture(`/image/${image}/picture`);
    await source.decode();
    shownField = { image, ...content, source };
    shownField.paths = content.outlines.map((parts) => {
      const path = new Path2D();
      for (const line of parts) { for (let at = 0; at < line.length; at += 2) path[at ? "lineTo" : "moveTo"](line[at], line[at + 1]); path.closePath(); }
      return path;
    });
  }
  if (state.cell !== row) return;
  const canvas = $("field"), context = canvas.getContext("2d"), { source } = shownField;
  canvas.width = source.naturalWidth; canvas.height = source.naturalHeight;
  context.drawImage(source, 0, 0);
  shownField.rows.forEach((one, index) => {
    const best = column.best[one], look = best < 0 ? { colour: "#f3f7e9", dash: [] } : facts.classes[best], width = one === row || state.chosen.has(one) ? 5 : 2;
    context.setLineDash([]); context.strokeStyle = "#000"; context.lineWidth = width + 2; context.stroke(shownField.paths[index]);
    context.setLineDash(look.dash.map((length) => length * width)); context.strokeStyle = look.colour; context.lineWidth = width; context.stroke(shownField.paths[index]);
  });
}
$("field").onclick = (event) => {
  const canvas = $("field"), context = canvas.getContext("2d");
  const x = event.offsetX * (canvas.width / canvas.clientWidth), y = event.offsetY * (canvas.height / canvas.clientHeight);
  const hit = shownField.rows.find((_, index) => context.isPointInPath(shownField.paths[index], x, y));
  if (hit !== undefined) pick(hit, event);
};

// the map: points in WebGL, the lasso on a canvas above
const mapCanvas = $("map"), gl = mapCanvas.getContext("webgl", { antialias: false });
let program = null, buffers = null, mixed = null;
// Points lie in the buffers in an arbitrary order, so that the first ones are a sample of all: while the map moves, no more are
// drawn than this browser manages in every frame, and all when it stands still.
let drawn = Infinity, asked = 0, before = 0, rest = 0;
const FEWEST = 20000, SLOW_MS = 24, QUICK_MS = 18, REST_MS = 250;
function shuffled(count) {
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  let seed = 1;
  for (let at = count - 1; at > 0; at -= 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((seed / 2 ** 32) * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}
function move() {
  // of several events before a frame one paints
  if (!asked) asked = requestAnimationFrame(moving);
}
function moving(now) {
  asked = 0;
  const took = before ? now - before : 0; // 0: it stood still
  before = now;
  if (took > SLOW_MS) drawn = Math.max(FEWEST, Math.min(drawn, facts.cells) * Math.max(0.2, 16 / took));
  else if (took && took < QUICK_MS) drawn = Math.min(facts.cells, drawn * 1.1);
  paint(drawn);
  clearTimeout(rest);
  rest = setTimeout(() => { before = 0; if (drawn < facts.cells) paint(); }, REST_MS);
}
const shader = (kind, source) => { const made = gl.createShader(kind); gl.shaderSource(made, source); gl.compileShader(made); return made; };
function prepare() {
  program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, "attribute vec2 place; attribute vec4 tint; uniform vec3 view; uniform float size; varying vec4 colour; void main() { gl_Position = vec4((place - view.xy) * view.z, 0.0, 1.0); gl_PointSize = tint.a > 0.5 ? size : size * 0.6; colour = tint; }"));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, "precision mediump float; varying vec4 colour; void main() { vec2 d = gl_PointCoord - 0.5; if (dot(d, d) > 0.25) discard; gl_FragColor = vec4(colour.rgb * colour.a, colour.a); }"));
  gl.linkProgram(program); gl.useProgram(program);
  gl.enable(gl.BLEND); gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  buffers = { place: gl.createBuffer(), tint: gl.createBuffer() };
  mixed = shuffled(facts.cells);
  const both = new Float32Array(2 * facts.cells);
  mixed.forEach((row, at) => { both[2 * at] = places[row]; both[2 * at + 1] = places[facts.cells + row]; });
  gl.bindBuffer(gl.ARRAY_BUFFER, buffers.place); gl.bufferData(gl.ARRAY_BUFFER, both, gl.STATIC_DRAW);
}
const NONE = [106, 122, 122];
const ramp = (share) => [60 + 183 * share, 60 + 140 * share, 130 - 85 * share];
function tints() {
  const colours = facts.classes.map(({ colour }) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  const kind = $("colour").value, by = { confidence: column.confidence, uncertain: column.uncertain, errors: column.errors }[kind];
  const made = new Uint8Array(4 * facts.cells), shown = new Uint8Array(facts.cells);
  for (const row of state.rows) shown[row] = 1;
  for (let at = 0; at < facts.cells; at += 1) {
    const row = mixed[at], tint = by ? (Number.isNaN(by[row]) ? NONE : ramp(by[row])) : colours[column.best[row]] || NONE, to = 4 * at;
    made[to] = tint[0]; made[to + 1] = tint[1]; made[to + 2] = tint[2];
    made[to + 3] = row === state.cell || state.chosen.has(row) ? 255 : shown[row] ? 190 : 18;
  }
  return made;
}
function draw() {
  if (!places || !gl) return;
  if (!program) prepare();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffers.tint); gl.bufferData(gl.ARRAY_BUFFER, tints(), gl.DYNAMIC_DRAW);
  paint();
}
function paint(most = Infinity) {
  if (!program) return;
  const { x, y, zoom } = state.view;
  gl.viewport(0, 0, mapCanvas.width, mapCanvas.height);
  gl.clearColor(0.04, 0.05, 0.06, 1); gl.clear(gl.COLOR_BUFFER_BIT);
  for (const [name, buffer, count, kind, scaled] of [["place", buffers.place, 2, gl.FLOAT, false], ["tint", buffers.tint, 4, gl.UNSIGNED_BYTE, true]]) {
    const at = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer); gl.enableVertexAttribArray(at); gl.vertexAttribPointer(at, count, kind, scaled, 0, 0);
  }
  gl.uniform3f(gl.getUniformLocation(program, "view"), x, y, zoom);
  gl.uniform1f(gl.getUniformLocation(program, "size"), Math.max(2.5, Math.min(16, (900 / Math.sqrt(facts.cells)) ** 0.5 * 2.2 * zoom ** 0.5)));
  gl.drawArrays(gl.POINTS, 0, Math.min(most, facts.cells));
  marks();
}
const toMap = (event) => { const box = mapCanvas.getBoundingClientRect(); return [((event.clientX - box.left) / box.width * 2 - 1) / state.view.zoom + state.view.x, (1 - (event.clientY - box.top) / box.height * 2) / state.view.zoom + state.view.y]; };
const toCanvas = ([x, y]) => [((x - state.view.x) * state.view.zoom + 1) * 400, (1 - (y - state.view.y) * state.view.zoom) * 400];
let rope = null, moved = 0;
function marks() {
  const context = $("lasso").getContext("2d");
  context.clearRect(0, 0, 800, 800);
  context.strokeStyle = "#fff"; context.lineWidth = 3;
  if (rope) { context.beginPath(); rope.forEach((place) => context.lineTo(...toCanvas(place))); context.closePath(); context.stroke(); }
  if (places && state.cell >= 0) { context.beginPath(); context.arc(...toCanvas([places[state.cell], places[facts.cells + state.cell]]), 11, 0, 7); context.stroke(); }
}
function inside(x, y, polygon) {
  let found = false;
  for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a, a += 1) {
    const [ax, ay] = polygon[a], [bx, by] = polygon[b];
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) found = !found;
  }
  return found;
}
function near(x, y) {
  let best = -1, least = (14 / 400 / state.view.zoom) ** 2;
  for (const row of state.rows) {
    const distance = (places[row] - x) ** 2 + (places[facts.cells + row] - y) ** 2;
    if (distance < least) { least = distance; best = row; }
  }
  return best;
}
mapCanvas.onpointerdown = (event) => { mapCanvas.setPointerCapture(event.pointerId); moved = 0; rope = event.shiftKey ? [toMap(event)] : null; };
mapCanvas.onpointermove = (event) => {
  if (!event.buttons) return;
  moved += Math.abs(event.movementX) + Math.abs(event.movementY);
  if (rope) { rope.push(toMap(event)); marks(); return; }
  const share = 2 / mapCanvas.getBoundingClientRect().width / state.view.zoom;
  state.view.x -= event.movementX * share; state.view.y += event.movementY * share;
  move();
};
mapCanvas.onpointerup = (event) => {
  if (!places) return;
  if (rope) {
    const polygon = rope, found = new Set();
    rope = null;
    for (let row = 0; row < facts.cells; row += 1) if (inside(places[row], places[facts.cells + row], polygon)) found.add(row);
    state.lasso = found;
    filter();
    state.chosen = new Set(state.rows);
    mark();
  } else if (moved < 5) { const row = near(...toMap(event)); if (row >= 0) pick(row, event); }
};
function zoom(factor) { state.view.zoom = Math.min(400, Math.max(0.5, state.view.zoom * factor)); move(); }
mapCanvas.onwheel = (event) => {
  event.preventDefault();
  const before = toMap(event);
  state.view.zoom = Math.min(400, Math.max(0.5, state.view.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2)));
  const after = toMap(event);
  state.view.x += before[0] - after[0]; state.view.y += before[1] - after[1];
  move();
};
mapCanvas.onkeydown = (event) => {
  const step = 0.2 / state.view.zoom, steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
  if (steps) { state.view.x += steps[0]; state.view.y += steps[1]; move(); }
  else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else return;
  event.preventDefault(); event.stopPropagation();
};
$("whole").onclick = () => { state.view = { x: 0, y: 0, zoom: 0.95 }; paint(); };
$("clear").onclick = () => { state.lasso = null; filter(); };
$("earlier").onclick = () => { state.page = Math.max(0, state.page - 1); gallery(); };
$("later").onclick = () => { state.page = Math.min(Math.ceil(state.rows.length / PAGE) - 1, state.page + 1); gallery(); };
$("all").onclick = () => { state.chosen = new Set(state.rows); mark(); draw(); };

function step(by) {
  if (!state.rows.length) return;
  const at = state.rows.indexOf(state.cell), next = state.rows[Math.min(state.rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  const page = Math.floor(state.rows.indexOf(next) / PAGE);
  if (page !== state.page) { state.page = page; gallery(); }
  state.chosen = new Set([next]);
  show(next);
}
// corrections
function toggle(index) {
  if (state.marked.has(index)) state.marked.delete(index); else state.marked.add(index);
  [...$("classes").children].forEach((button, at) => button.setAttribute("aria-pressed", String(state.marked.has(at))));
}
function taken(content) {
  state.corrected = content.cells; state.changes = content.changes;
  for (const parent of [$("thumbs"), $("similar")]) for (const button of parent.children) button.lastChild.textContent = classesOf(Number(button.dataset.row));
  mark();
}
const correct = guarded(async (action) => {
  if (facts.read_only || !state.chosen.size) return;
  const rows = [...state.chosen], value = action === "classes" ? [...state.marked].map((index) => facts.classes[index].name) : "";
  if (action === "merge") rows.sort((a, b) => (b === state.cell) - (a === state.cell)); // into the cell that is shown
  taken(await post("/correct", { rows, action, value }));
  if (action === "classes") { for (const index of [...state.marked]) toggle(index); if (rows.length === 1) step(1); }
});
const undo = guarded(async () => { if (!facts.read_only) taken(await post("/undo", {})); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !facts || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const index = KEYS.indexOf(event.key);
  if (event.key === "n") step(1);
  else if (event.key === "p") step(-1);
  else if (facts.read_only) return;
  else if (event.key === "Enter" && state.marked.size) correct("classes");
  else if (event.key === "x") correct("delete");
  else if (event.key === "m") correct("merge");
  else if (event.key === "u") undo();
  else if (index >= 0 && index < facts.classes.length) toggle(index);
  else return;
  event.preventDefault();
});
function pictured() {
  // the first picture, or as long as it may take where it is out of view
  const first = $("thumbs").querySelector("img"), longest = new Promise((done) => setTimeout(done, 1500));
  return first && Promise.race([longest, new Promise((done) => { for (const kind of ["load", "error"]) first.addEventListener(kind, done); })]);
}
async function placesReady() {
  // the map is computed while the rest is used already
  for (;;) {
    const answer = await get("/map");
    if (answer.status === 200) return new Float32Array(await answer.arrayBuffer());
    $("map-state").textContent = "the map is computed …";
    await new Promise((done) => setTimeout(done, 400));
  }
}
async function begin() {
  facts = await json("/facts");
  const all = await floats("/columns"), cut = (index) => all.subarray(index * facts.cells, (index + 1) * facts.cells);
  ["image", "number", "best", "confidence", "uncertain", "errors", "label"].forEach((name, index) => { column[name] = cut(index); });
  facts.classes.forEach(({ name, css }, index) => {
    for (const id of ["predicted", "labelled"]) element("option", name, $(id)).value = index;
    if (facts.read_only) return;
    const button = element("button", undefined, $("classes")), swatch = element("i", undefined, button);
    swatch.className = "swatch"; swatch.style.cssText = css;
    element("span", name, button);
    if (KEYS[index]) element("kbd", KEYS[index], button);
    button.type = "button"; button.setAttribute("aria-pressed", "false");
    button.onclick = () => toggle(index);
  });
  if ($("looked")) {
    facts.classes.forEach(({ name }, index) => { element("option", `for ${name}`, $("looked-class")).value = index; });
    $("looked-class").onchange = () => looked(state.cell);
  }
  for (const name of facts.measurements) element("option", name, $("measurement"));
  for (const id of facts.images.slice(0, 2000)) element("option", undefined, $("images")).value = id;
  for (const [name, values] of Object.entries(facts.categories)) for (const value of [...new Set(values)].sort()) element("option", `${name}: ${value}`, $("category")).value = JSON.stringify([name, value]);
  for (const field of [$("labelled"), $("order").options[1], $("state").options[3], $("colour").options[3]]) field.disabled = !facts.has_labels;
  ({ cells: state.corrected, changes: state.changes } = await json("/corrections"));
  for (const id of ["order", "predicted", "labelled", "from", "to", "least", "most", "image", "category", "state"]) $(id).onchange = filter;
  $("colour").onchange = draw;
  $("measurement").onchange = guarded(async () => { const name = $("measurement").value; measured = name ? await floats(`/measurement/${encodeURIComponent(name)}`) : null; filter(); });
  if (!facts.read_only) {
    $("write").onclick = () => correct("classes"); $("delete").onclick = () => correct("delete");
    $("merge").onclick = () => correct("merge"); $("undo").onclick = undo;
  }
  filter();
  document.body.dataset.ready = "yes";
  await pictured(); // what the map is computed from takes longer to read
  if (!gl) $("map-state").textContent = "this browser has no WebGL: no map";
  places = await placesReady();
  $("map-state").textContent = "";
  draw();
  document.body.dataset.mapped = "yes";
}
begin().catch((error) => say(error.message));
