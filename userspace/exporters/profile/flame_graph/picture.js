// Zoom and search of the picture. Each box is a <g class="box"> with a <title>, a <rect> and perhaps
// a <text>; data-w is its share of the whole, in millionths, for the search.
"use strict";

const boxes = [...document.querySelectorAll(".box")].map((element) => {
  const rect = element.querySelector("rect");
  const [x, width, y] = ["x", "width", "y"].map((name) => Number(rect.getAttribute(name)));
  const text = element.querySelector("title").textContent;
  return { element, rect, x, width, y, text, name: text.slice(0, text.indexOf("\n")), share: Number(element.dataset.w) };
});
const frames = document.getElementById("frames");
const search = document.getElementById("search");
const left = 10;
const wide = 1180;
const charWidth = 7.3;
const slack = 0.01; // coordinates are rounded

function label(box, width) {
  let text = box.element.querySelector("text");
  const room = Math.floor((width - 6) / charWidth);
  box.element.classList.toggle("wide", room >= 3);
  if (room < 3) {
    if (text) text.remove();
    return;
  }
  if (!text) {
    text = document.createElementNS("http://www.w3.org/2000/svg", "text");
    text.setAttribute("y", box.y + 14);
    box.element.append(text);
  }
  text.textContent = box.name.length > room ? box.name.slice(0, room - 1) + "…" : box.name;
  text.setAttribute("x", Number(box.rect.getAttribute("x")) + 4);
}

function place(box, x, width) {
  box.rect.setAttribute("x", x);
  box.rect.setAttribute("width", width);
  label(box, width);
}

function zoom(to) {
  const end = to.x + to.width;
  for (const box of boxes) {
    const above = box.y < to.y && box.x <= to.x + slack && box.x + box.width >= end - slack;
    const inside = box.y >= to.y && box.x >= to.x - slack && box.x + box.width <= end + slack;
    box.element.classList.toggle("above", above);
    box.element.classList.toggle("gone", !above && !inside);
    if (above) place(box, left, wide);
    else if (inside) place(box, left + ((box.x - to.x) * wide) / to.width, (box.width * wide) / to.width);
  }
}

function find(text) {
  const wanted = text.trim().toLowerCase();
  let share = 0;
  const covering = []; // matches, one row after the other: what is below one is counted with it
  for (const box of boxes) {
    const found = wanted !== "" && box.text.toLowerCase().includes(wanted);
    box.element.classList.toggle("found", found);
    if (!found) continue;
    const covered = covering.some((other) => other.y < box.y && other.x <= box.x + slack &&
      other.x + other.width >= box.x + box.width - slack);
    if (covered) continue;
    covering.push(box);
    share += box.share;
  }
  frames.classList.toggle("searched", wanted !== "");
  document.getElementById("matched").textContent = wanted === "" ? "" : `${(share / 1e4).toFixed(2)}% matched`;
}

function reset() {
  search.value = "";
  find("");
  zoom(boxes[0]);
}

const boxOf = (event) => boxes.find((box) => box.element === event.target.closest(".box"));

frames.addEventListener("click", (event) => { if (boxOf(event)) zoom(boxOf(event)); });
frames.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && boxOf(event)) {
    zoom(boxOf(event));
    event.preventDefault();
  }
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") reset(); });
search.addEventListener("input", () => find(search.value));
document.getElementById("reset").addEventListener("click", reset);
