// The flame graph of the page: the tree in #profile as rows of boxes, root at the top.
// Data: names [text, look, module], nodes [parent, name, total, self] or, of two profiles,
// [parent, name, total before, total after, self before, self after], one after the other; parents
// stand before their children. Texts are strangers': they go into the page as text only.
"use strict";

const data = JSON.parse(document.getElementById("profile").textContent);
const graph = document.getElementById("graph");
const search = document.getElementById("search");
const tip = document.getElementById("tip");
const rowHeight = 20;
const narrowest = 0.6; // pixels; narrower boxes are not drawn

// ---- The tree

const stride = data.diff ? 6 : 4;
const nodes = [];
for (let at = 0; at < data.nodes.length; at += stride) {
  const [parent, name, ...weights] = data.nodes.slice(at, at + stride);
  const node = { id: nodes.length, children: [], depth: 0, start: 0 };
  node.totals = data.diff ? weights.slice(0, 2) : [weights[0]];
  node.selves = data.diff ? weights.slice(2) : [weights[1]];
  const [text, look, module] = node.id === 0 ? ["all", 0, 0] : data.names[name];
  Object.assign(node, { text, look, module: data.modules[module] });
  if (node.id > 0) {
    node.parent = nodes[parent];
    node.depth = node.parent.depth + 1;
    node.parent.children.push(node);
  }
  nodes.push(node);
}
const root = nodes[0];
const share = (node, which) => (root.totals[which] > 0 ? node.totals[which] / root.totals[which] : 0);

// A box is as wide as its share; of two profiles, as the mean of both, so that what is gone shows too.
for (const node of nodes) {
  node.width = data.diff ? (share(node, 0) + share(node, 1)) / 2 : share(node, 0);
  node.delta = data.diff ? share(node, 1) - share(node, 0) : 0;
}
for (const node of nodes) {
  let start = node.start;
  for (const child of node.children) {
    child.start = start;
    start += child.width;
  }
}
const deepest = nodes.reduce((most, node) => Math.max(most, node.depth), 0);

// ---- Texts

const percent = (part) => (100 * part).toFixed(2) + "%";

function duration(ns) {
  for (const [size, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) {
    if (ns >= size) return (ns / size).toFixed(2) + " " + unit;
  }
  return ns + " ns";
}

function amount(weight) {
  if (data.unit === "nanoseconds") return duration(weight);
  const samples = weight.toLocaleString("en") + (weight === 1 ? " sample" : " samples");
  return data.hz > 0 ? `${samples}, ${duration((weight / data.hz) * 1e9)}` : samples;
}

function facts(node) {
  if (!data.diff) {
    return [`${percent(share(node, 0))} of all: ${amount(node.totals[0])}`, `itself ${amount(node.selves[0])}`];
  }
  const change = (node.delta >= 0 ? "+" : "") + percent(node.delta);
  return [`${percent(share(node, 0))} before, ${percent(share(node, 1))} after: ${change}`,
    `before ${amount(node.totals[0])}, after ${amount(node.totals[1])}`];
}

// ---- Colours

function changeClass(delta) {
  const size = Math.abs(delta);
  const step = size < 0.0005 ? 0 : size < 0.01 ? 1 : size < 0.05 ? 2 : 3;
  return step === 0 ? "same" : (delta > 0 ? "grew-" : "shrank-") + step;
}

function shaded(text) { // neighbours of one colour stay apart
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) | 0;
  return (hash & 1) === 1;
}

const classOf = (node) => (data.diff ? changeClass(node.delta) : data.looks[node.look]);

const lookTexts = {
  mark: "mark, not code", nameless: "without a name", go: "Go", python: "Python", java: "Java",
  javascript: "JavaScript", jit: "JIT",
};

function drawLegend() {
  const used = new Set(nodes.map((node) => node.look));
  const rows = data.diff
    ? [["grew-3", "grew"], ["same", "as before"], ["shrank-3", "shrank"]]
    : data.looks.map((look, i) => [look, lookTexts[look] ?? look, i]).filter(([, , i]) => used.has(i));
  for (const [look, text] of rows) {
    const box = document.createElement("i");
    box.className = look;
    const row = document.createElement("li");
    row.append(box, text);
    document.getElementById("legend").append(row);
  }
}

// ---- Drawing

let zoomed = root;
let focused = root;
let found = null; // nodes that match, null: no search
const boxes = new Map(); // node -> element, of what is drawn

function ancestors(node) {
  const list = [];
  for (let at = node.parent; at; at = at.parent) list.unshift(at);
  return list;
}

function draw() {
  const pixels = graph.clientWidth || 1;
  const scale = zoomed.width > 0 ? 1 / zoomed.width : 1;
  const fragment = document.createDocumentFragment();
  boxes.clear();
  const add = (node, left, width, above) => {
    const box = document.createElement("div");
    box.className = classOf(node) + (shaded(node.text) ? " shade" : "") + (above ? " above" : "");
    if (width * pixels < 24) box.classList.add("narrow");
    else box.textContent = node.text;
    if (found && found.has(node)) box.classList.add("found");
    box.style.left = 100 * left + "%";
    box.style.width = 100 * width + "%";
    box.style.top = node.depth * rowHeight + "px";
    box.setAttribute("role", "treeitem");
    box.setAttribute("aria-level", node.depth + 1);
    box.setAttribute("aria-label", [node.text, ...facts(node)].join(", "));
    box.tabIndex = -1;
    box.node = node;
    boxes.set(node, box);
    fragment.append(box);
  };
  for (const node of ancestors(zoomed)) add(node, 0, 1, true);
  const waiting = [zoomed];
  let depth = 0;
  while (waiting.length > 0) {
    const node = waiting.pop();
    const width = node.width * scale;
    if (node !== zoomed && width * pixels < narrowest) continue;
    add(node, (node.start - zoomed.start) * scale, width, false);
    depth = Math.max(depth, node.depth);
    for (let i = node.children.length - 1; i >= 0; i--) waiting.push(node.children[i]);
  }
  graph.style.height = (depth + 1) * rowHeight + "px";
  graph.classList.toggle("zoomed", zoomed !== root);
  graph.classList.toggle("searched", found !== null);
  graph.replaceChildren(fragment);
  if (!boxes.has(focused)) focused = zoomed;
  boxes.get(focused).tabIndex = 0;
  document.getElementById("reset").disabled = zoomed === root && found === null;
}

function zoom(node) {
  const keep = graph.contains(document.activeElement);
  zoomed = focused = node;
  hideTip();
  draw();
  if (keep) boxes.get(node).focus({ preventScroll: true });
}

function reset() {
  search.value = "";
  find("");
  zoom(root);
}

// ---- Search

function find(text) {
  const wanted = text.trim().toLowerCase();
  const shares = [0, 0];
  found = wanted === "" ? null : new Set();
  if (found) {
    const covered = new Set(); // below a match: counted with it
    for (const node of nodes) {
      if (node === root) continue;
      const matches = node.text.toLowerCase().includes(wanted) || node.module.toLowerCase().includes(wanted);
      if (matches) found.add(node);
      if (covered.has(node.parent)) {
        covered.add(node);
      } else if (matches) {
        covered.add(node);
        node.totals.forEach((_, which) => { shares[which] += share(node, which); });
      }
    }
  }
  document.getElementById("matched").textContent = !found ? ""
    : data.diff ? `${percent(shares[0])} before, ${percent(shares[1])} after`
    : `${percent(shares[0])} matched`;
  draw();
}

// ---- What a box says

function showTip(node, x, y) {
  const name = document.createElement("b");
  name.textContent = node.text;
  const lines = facts(node);
  if (node.module) lines.unshift(node.module);
  tip.replaceChildren(name, ...lines.map((line) => {
    const row = document.createElement("span");
    row.textContent = line;
    return row;
  }));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - width - 8)) + "px";
  tip.style.top = (y + 22 + height > innerHeight ? Math.max(8, y - height - 10) : y + 22) + "px";
}

function hideTip() { tip.hidden = true; }

// ---- Mouse and keyboard

const nodeOf = (event) => event.target.node;

graph.addEventListener("click", (event) => { if (nodeOf(event)) zoom(nodeOf(event)); });
graph.addEventListener("mousemove", (event) => {
  if (nodeOf(event)) showTip(nodeOf(event), event.clientX, event.clientY);
  else hideTip();
});
graph.addEventListener("mouseleave", hideTip);
graph.addEventListener("focusin", (event) => {
  const node = nodeOf(event);
  if (!node) return;
  if (boxes.has(focused)) boxes.get(focused).tabIndex = -1;
  focused = node;
  event.target.tabIndex = 0;
  if (!event.target.matches(":focus-visible")) return;
  const box = event.target.getBoundingClientRect();
  showTip(node, box.left, box.top);
});
graph.addEventListener("focusout", hideTip);

// The next drawn box of the same row, to the right or to the left.
function neighbour(node, step) {
  const row = [...boxes.keys()].filter((other) => other.depth === node.depth);
  return row[row.indexOf(node) + step];
}

function widestChild(node) {
  const drawn = node.children.filter((child) => boxes.has(child));
  return drawn.reduce((most, child) => (!most || child.width > most.width ? child : most), undefined);
}

graph.addEventListener("keydown", (event) => {
  const moves = {
    ArrowDown: () => widestChild(focused),
    ArrowUp: () => focused.parent,
    ArrowRight: () => neighbour(focused, 1),
    ArrowLeft: () => neighbour(focused, -1),
    Home: () => root,
  };
  if (event.key === "Enter" || event.key === " ") {
    zoom(focused);
  } else if (event.key in moves) {
    const next = moves[event.key]();
    if (next && boxes.has(next)) boxes.get(next).focus();
  } else {
    return;
  }
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") reset();
  if (event.key === "/" && document.activeElement !== search) {
    search.focus();
    event.preventDefault();
  }
});
search.addEventListener("input", () => find(search.value));
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("reset").addEventListener("click", reset);
let waitingForFrame = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(waitingForFrame);
  waitingForFrame = requestAnimationFrame(draw);
});

document.getElementById("summary").textContent = data.diff
  ? `before ${amount(root.totals[0])}; after ${amount(root.totals[1])}; a box is as wide as the mean of both shares`
  : (data.unit === "nanoseconds" ? "Off CPU: " : "On CPU: ") + amount(root.totals[0]);
if (data.hidden > 0) {
  document.getElementById("hidden").textContent = `The ${data.hidden.toLocaleString("en")} narrowest boxes are left out.`;
}
drawLegend();
draw();
